//! One run of a program: started, waited for, its output read.

use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::machine::children;
use crate::units;

/// A program that tells its own time prints it behind this.
const OWN: &str = "crossover: seconds=";

/// What begins a line that is no output.
const ASIDE: &str = "crossover: ";

/// Most bytes of an output that are kept.
const MOST_BYTES: u64 = 64 << 20;

/// What a run came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Seconds that the program says, else those of the whole process.
    pub seconds: f64,
    /// Its standard output without lines that are for us.
    pub output: String,
}

/// Runs a program in the caller's folder, in a process group of its own, without standard input. The error is one
/// line: it can't be started, failed, took longer than `limit`, or told a time that is none.
pub fn run(words: &[String], limit: Duration) -> Result<Run, String> {
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let start = Instant::now();
    let child = command.spawn().map_err(|e| format!("'{}' can't be started: {e}", words[0]))?;
    let mut child = children::Child::of(child);
    let (stdout, stderr) = (child.take_stdout(), child.take_stderr());
    let id = child.id();
    let (ended, watched) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let watcher = scope.spawn(move || {
            let is_late = watched.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Timeout);
            if is_late {
                children::kill_group(id);
            }
            is_late
        });
        let output = scope.spawn(move || read(stdout));
        let words_of_error = scope.spawn(move || read(stderr));
        let status = child.wait();
        let seconds = start.elapsed().as_secs_f64();
        let output = output.join().unwrap_or_default();
        let last_words = words_of_error.join().unwrap_or_default();
        drop(ended);
        if watcher.join().unwrap_or(false) {
            let limit = units::seconds(limit.as_secs_f64());
            return Err(format!("took longer than {limit}; --timeout SECONDS allows more"));
        }
        let status = status.map_err(|e| format!("can't be waited for: {e}"))?;
        if !status.success() {
            let last = last_words.lines().rev().find(|line| !line.trim().is_empty());
            let said = last.map(|line| format!("; its last words: {}", line.trim()));
            return Err(format!("failed ({status}){}", said.unwrap_or_default()));
        }
        let (seconds, output) = (own_seconds(&output)?.unwrap_or(seconds), without_asides(&output));
        Ok(Run { seconds, output })
    })
}

/// All that there is to read, as text.
fn read(from: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut from) = from {
        // What can't be read is missed by the check; the rest is let go, so that the program does not wait.
        let _ = from.by_ref().take(MOST_BYTES).read_to_end(&mut bytes);
        let _ = std::io::copy(&mut from, &mut std::io::sink());
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The seconds that a program says last, if it says any.
fn own_seconds(output: &str) -> Result<Option<f64>, String> {
    let Some(text) = output.lines().rev().find_map(|line| line.trim().strip_prefix(OWN)) else {
        return Ok(None);
    };
    let seconds = text.trim().parse::<f64>().ok().filter(|s| s.is_finite() && *s > 0.0);
    let wrong = || format!("printed '{OWN}{}', which is no time above 0", text.trim());
    seconds.map(Some).ok_or_else(wrong)
}

fn without_asides(output: &str) -> String {
    let lines = output.split_inclusive('\n');
    lines.filter(|line| !line.trim_start().starts_with(ASIDE)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_may_tell_its_own_time() {
        let text = "1\ncrossover: seconds=0.5\n2\ncrossover: seconds= 2.5e-3 \n";
        assert_eq!(own_seconds(text), Ok(Some(2.5e-3)));
        assert_eq!(without_asides(text), "1\n2\n");
        assert_eq!(own_seconds("1\n"), Ok(None));
        for wrong in ["0", "-1", "nan", "inf", "", "soon"] {
            let error = own_seconds(&format!("{OWN}{wrong}\n")).unwrap_err();
            assert!(error.contains("no time above 0"), "{error}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn whatever_a_program_does_there_is_a_run_or_a_reason() {
        let shell = |script: &str| ["sh", "-c", script].map(str::to_string);
        let limit = Duration::from_secs(60);
        let run_of = |script: &str| run(&shell(script), limit);
        let whole = run_of("echo out; echo aside >&2").unwrap();
        assert!(whole.output == "out\n" && whole.seconds > 0.0);
        assert_eq!(run_of("echo 'crossover: seconds=7'").unwrap().seconds, 7.0);
        let failed = run_of("echo first >&2; echo last >&2; exit 3").unwrap_err();
        assert!(failed.contains("3") && failed.ends_with("its last words: last"), "{failed}");
        let missing = run(&["/none/such".to_string()], limit).unwrap_err();
        assert!(missing.contains("can't be started"), "{missing}");
        // A child of the child holds the output open: the group ends with it.
        let late = run(&shell("sleep 600 & sleep 600"), Duration::from_millis(50)).unwrap_err();
        assert!(late.contains("took longer than 50.0 ms"), "{late}");
    }
}
