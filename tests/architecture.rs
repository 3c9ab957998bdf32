//! What ARCHITECTURE.md says of the house, where a program can tell whether it is true.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The rooms of `src/`, floor by floor from the ground up: a room may use those of lower floors.
const FLOORS: &[&[&str]] = &[
    &["error"],
    &["terms", "units", "panics"],
    &["tensor", "machine"],
    &["stats", "network", "config"],
    &["workload", "record"],
    &["folder", "plan", "roof", "summary"],
    &["manifest"],
    &["backend"],
    &["verify", "measure", "compare", "dispatch", "export"],
    &["session", "tune", "report", "race"],
    &["conclude"],
    &["cli"],
];

/// The code of a source file of `folder`, and below it, by its path from there: without tests and comments.
fn code(folder: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut folders = vec![root.clone()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(".rs") && !name.contains("tests") {
                let text = fs::read_to_string(&path).unwrap();
                // Tests of a file stand at its end.
                let text = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap();
                let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
                files.push((name, lines.collect::<Vec<_>>().join("\n")));
            }
        }
    }
    files
}

/// The rooms that some code names by `crate::`, one by one or in braces.
fn rooms_used(code: &str) -> BTreeSet<String> {
    let word = |text: &str| {
        let is_word = |c: char| c.is_ascii_lowercase() || c == '_';
        text.trim_start().chars().take_while(|c| is_word(*c)).collect::<String>()
    };
    let mut rooms = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            None => _ = rooms.insert(word(rest)),
            Some(several) => {
                // Up to the brace that closes; what stands in braces further in is a room's own.
                let mut depth = 1;
                let mut outermost = String::new();
                for c in several.chars() {
                    depth += i32::from(c == '{') - i32::from(c == '}');
                    match depth {
                        0 => break,
                        1 => outermost.push(c),
                        _ => {}
                    }
                }
                rooms.extend(outermost.split(',').map(word));
            }
        }
    }
    rooms.remove("");
    rooms
}

#[test]
fn no_room_uses_one_above_it() {
    let floor = |room: &str| FLOORS.iter().position(|rooms| rooms.contains(&room));
    let mut arrows = 0;
    for (file, code) in code("src") {
        let room = file.split(['/', '.']).next().unwrap();
        if ["lib", "main"].contains(&room) {
            continue;
        }
        let own = floor(room).unwrap_or_else(|| panic!("{room} is on no floor"));
        for used in rooms_used(&code).iter().filter(|used| *used != room) {
            let Some(below) = floor(used) else {
                panic!("{file} uses {used}, which is on no floor")
            };
            assert!(below < own, "{file} uses {used}, which is not below {room}");
            arrows += 1;
        }
    }
    assert!(arrows > 100, "{arrows} arrows: the code was not read");
}

#[test]
fn a_backend_never_times() {
    // A pool spins for a while before it sleeps; a program that does not answer is given up.
    let may = ["cpu/pool.rs", "contender/idle.rs", "contender/process.rs"];
    for (file, code) in code("src/backend") {
        assert!(may.contains(&file.as_str()) || !code.contains("Instant"), "{file} reads a clock");
    }
}

/// What comes from outside is not trusted: seconds may be of any size, and words of the system need not be UTF-8.
#[test]
fn what_comes_from_outside_is_taken_in_one_place() {
    for (words, place) in [
        ("secs_f64(", "units.rs"),
        ("env::vars", "machine/words.rs"),
        ("env::var(", "machine/words.rs"),
        ("env::args()", "machine/words.rs"),
        ("to_str().unwrap", "nowhere"),
    ] {
        for (file, code) in code("src").into_iter().chain(code("benches")) {
            // How long something took is no matter of outside.
            let code = code.replace(".as_secs_f64(", "");
            assert!(file == place || !code.contains(words), "{file} has {words}, see {place}");
        }
    }
}

/// Softmax stands for all: ARCHITECTURE.md counts what it took. What is called `rows` it shares with layer
/// norm, `mod rows` in `gpu/mod.rs` among it.
#[test]
fn a_workload_is_four_files_and_lines_in_five_places() {
    let names = ["\"softmax\"", "mod softmax;", "softmax::", "rows/softmax", "::Softmax"];
    let mentions =
        |code: &str| code.lines().filter(|l| names.iter().any(|n| l.contains(n))).count();
    // Training steps have a kernel of the same name.
    let files = code("src").into_iter().filter(|(file, _)| !file.contains("/train/"));
    let found = files.map(|(file, code)| (mentions(&code), file));
    let found: BTreeSet<(String, usize)> =
        found.filter(|(lines, _)| *lines > 0).map(|(lines, file)| (file, lines)).collect();
    let places: Vec<&str> = found.iter().map(|(file, _)| file.as_str()).collect();
    let expected = [
        "backend/cpu/mod.rs",
        "backend/gpu/implementations.rs",
        "backend/gpu/rows.rs",
        "backend/opencl/sources.rs",
        "workload/mod.rs",
        "workload/softmax.rs",
    ];
    assert_eq!(places, expected);
    assert!(found.iter().all(|(_, lines)| *lines <= 2), "{found:?}");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for own in ["src/backend/cpu/softmax.rs", "kernels/rows/softmax.cl"] {
        assert!(root.join(own).is_file(), "{own}");
    }
}
