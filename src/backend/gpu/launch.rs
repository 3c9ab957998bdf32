//! `launch`: a kernel that does next to nothing. Twin of `kernels/launch.cl`.

use super::recipe::{Argument, Launch, Recipe, Step};
use super::target::Target;
use crate::backend::Task;
use crate::error::Result;

/// Launched and waited for.
pub fn round_trip(_: &Target, _: &Task<'_>) -> Result<Recipe> {
    let step = Step {
        program: "launch",
        kernel: "touch",
        options: String::new(),
        arguments: vec![Argument::Input(0), Argument::Output],
        launch: Launch::of_groups(1, 1),
        local_bytes: 0,
    };
    Ok(Recipe { steps: vec![step], tile: (1, 1), ..Recipe::default() })
}
