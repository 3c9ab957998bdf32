//! Words of the system: variables and arguments. They need not be UTF-8; what is not is shown as well as it
//! can be.

use std::ffi::OsString;

fn lossy(text: OsString) -> String {
    text.to_string_lossy().into_owned()
}

/// A variable of the environment; none where it is not set or empty.
pub fn variable(name: &str) -> Option<String> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(lossy)
}

/// All variables of the environment, by name.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().map(|(name, value)| (lossy(name), lossy(value)))
}

/// The command line, the program first.
pub fn command_line() -> Vec<String> {
    std::env::args_os().map(lossy).collect()
}
