//! Tries the drivers in a child process first: one that crashes or hangs takes the child with it,
//! and the run goes on without that device.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{check, info};
use crate::error::one_line;
use crate::machine;

/// Set in the child's environment; holds the number of threads that CPU devices are held to, and the places to
/// leave out.
const ASKED: &str = "CROSSOVER_OPENCL_PROBE";

/// No news from the child for this long means a hang.
const LONGEST_WAIT: Duration = Duration::from_secs(9);

/// More crashes than this and OpenCL is left alone.
const ATTEMPTS: usize = 8;

/// Whether this program's `main` answers probes.
static ANSWERS: AtomicBool = AtomicBool::new(false);

/// A step at which a driver can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Place {
    /// Loading all drivers.
    Loader,
    /// Asking a platform for its devices.
    Platform(usize),
    /// Building and running a kernel on device number .1 of platform .0.
    Device(usize, usize),
}

/// What the child tells, a line each.
#[derive(Debug, Serialize, Deserialize)]
enum News {
    /// About to try this.
    At(Place),
    /// It was refused, with this problem.
    Problem(Place, String),
    /// The end.
    Done,
}

/// Problems by place.
pub type Probed = HashMap<Place, String>;

/// What the process has found out.
static RESULT: OnceLock<Probed> = OnceLock::new();

/// Whether the loader itself does no harm, as far as was tried.
pub fn loader_is_sound() -> bool {
    RESULT.get().is_none_or(|probed| !probed.contains_key(&Place::Loader))
}

/// To be called first in `main` by a program that looks for devices: in a child that was started to
/// probe, it probes and ends the process.
pub fn answer_if_asked() {
    ANSWERS.store(true, Ordering::Relaxed);
    let Some(asked) = machine::variable(ASKED) else { return };
    let (threads, skip): (usize, Vec<Place>) = serde_json::from_str(&asked).unwrap_or_default();
    try_everything(threads.max(1), &skip);
    tell(&News::Done);
    // The parent kills what is left: a driver's own clean-up at exit proves nothing.
    std::process::exit(0);
}

/// Tries every platform and device, once a process, with what discovery calls: CPU devices are held to `threads`
/// threads. In a program whose `main` does not answer probes (a test), nothing is tried and nothing
/// has a problem.
pub fn probe(threads: usize) -> &'static Probed {
    RESULT.get_or_init(|| probe_in_children(threads))
}

fn probe_in_children(threads: usize) -> Probed {
    let mut probed = Probed::default();
    let Ok(program) = std::env::current_exe() else { return probed };
    if !ANSWERS.load(Ordering::Relaxed) {
        return probed;
    }
    for _ in 0..ATTEMPTS {
        let died = run_child(Command::new(&program), threads, &mut probed);
        let Some((place, problem)) = died else { return probed };
        probed.insert(place, problem);
        if place == Place::Loader {
            return probed;
        }
    }
    let problem = format!("its drivers crashed {ATTEMPTS} times");
    probed.insert(Place::Loader, problem);
    probed
}

/// Runs one child. `None` when it came to its end, else where it died and how.
fn run_child(mut command: Command, threads: usize, probed: &mut Probed) -> Option<(Place, String)> {
    let skip: Vec<Place> = probed.keys().copied().collect();
    let asked = serde_json::to_string(&(threads, skip)).expect("places are JSON");
    command.env(ASKED, asked).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    // Without children the drivers are tried in this process, as everywhere else.
    let mut child = command.spawn().ok()?;
    let lines = BufReader::new(child.stdout.take()?).lines();
    let (sender, news) = mpsc::channel();
    let listening = thread::Builder::new().spawn(move || {
        for line in lines.map_while(|line| line.ok()) {
            // A driver may write to standard output too: other lines are not ours.
            let Ok(item) = serde_json::from_str::<News>(&line) else { continue };
            if sender.send(item).is_err() {
                return;
            }
        }
    });
    if let Err(error) = listening {
        let _ = child.kill();
        let _ = child.wait();
        let problem = format!("no thread can be started to watch its drivers ({error})");
        return Some((Place::Loader, problem));
    }
    let mut place = Place::Loader;
    let problem = loop {
        match news.recv_timeout(LONGEST_WAIT) {
            Ok(News::At(at)) => place = at,
            Ok(News::Problem(at, problem)) => {
                probed.insert(at, problem);
            }
            Ok(News::Done) => break None,
            Err(RecvTimeoutError::Disconnected) => {
                let ending = child.wait().map_or_else(|e| e.to_string(), |s| s.to_string());
                break Some(format!("its driver crashed ({ending})"));
            }
            Err(RecvTimeoutError::Timeout) => {
                let seconds = LONGEST_WAIT.as_secs();
                break Some(format!("its driver gave no answer for {seconds} s"));
            }
        }
    };
    // Where it has said everything, a driver's clean-up at exit may hang.
    let _ = child.kill();
    let _ = child.wait();
    problem.map(|problem| (place, problem))
}

fn tell(news: &News) {
    let mut out = std::io::stdout().lock();
    let line = serde_json::to_string(news).expect("news are JSON");
    // A parent that is gone no longer listens; the child ends by itself soon.
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}

fn try_everything(threads: usize, skip: &[Place]) {
    tell(&News::At(Place::Loader));
    let platforms = ocl::core::get_platform_ids().unwrap_or_default();
    for (index, platform) in platforms.into_iter().enumerate() {
        let place = Place::Platform(index);
        if skip.contains(&place) {
            continue;
        }
        tell(&News::At(place));
        let _ = info::platform(platform);
        let Ok(ids) = info::device_ids(platform) else { continue };
        for (position, id) in ids.into_iter().enumerate() {
            let place = Place::Device(index, position);
            if skip.contains(&place) {
                continue;
            }
            tell(&News::At(place));
            if let Err(error) = check::check(platform, id, threads) {
                tell(&News::Problem(place, one_line(&error.to_string())));
            }
        }
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    fn shell(script: &str) -> (Option<(Place, String)>, Probed) {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let mut probed = Probed::default();
        let end = run_child(command, 1, &mut probed);
        (end, probed)
    }

    #[test]
    fn a_child_that_ends_well_leaves_its_problems() {
        let script = r#"echo '{"At":"Loader"}'; echo hello from a driver
            echo '{"At":{"Platform":0}}'; echo '{"Problem":[{"Device":[0,1]},"no compiler"]}'
            echo '"Done"'"#;
        let (end, probed) = shell(script);
        assert_eq!(end, None);
        assert_eq!(probed, Probed::from([(Place::Device(0, 1), "no compiler".into())]));
    }

    #[test]
    fn a_crash_is_laid_at_its_place() {
        let (end, _) = shell(r#"echo '{"At":{"Platform":1}}'; kill -SEGV $$"#);
        let (place, problem) = end.unwrap();
        assert_eq!(place, Place::Platform(1));
        assert!(problem.contains("crashed (signal: 11"), "{problem}");
    }

    #[test]
    fn a_hang_is_ended() {
        let (end, _) = shell(r#"echo '{"At":{"Device":[0,0]}}'; exec sleep 60"#);
        assert_eq!(end, Some((Place::Device(0, 0), "its driver gave no answer for 9 s".into())));
    }
}
