//! A running contender: lines in, lines out, each answer within its time. Whatever the program does,
//! a question ends with an answer or with a reason.

use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use super::log::Log;
use super::message::Request;
use crate::machine::children::Child;
use crate::units;

/// Longest reply in bytes: far more than the times of all runs of a request.
const MOST_BYTES: usize = 1 << 20;

/// How long a program may take to end after `bye`.
const GOODBYE: Duration = Duration::from_secs(5);

/// How long to wait for the last words of a program that has ended.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// What was heard on standard output.
enum Heard {
    Line(String),
    /// A line longer than any answer.
    TooLong,
    /// The end, perhaps inside a line.
    End(String),
}

/// See the module.
pub struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    heard: Receiver<Heard>,
    log: Log,
}

impl Process {
    /// Starts a program in the caller's folder, in a process group of its own, with the usual
    /// variables set for `threads` threads. The error is one line.
    pub fn start(words: &[String], threads: u32, log: &Log) -> Result<Process, String> {
        log.forget();
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).envs(environment(threads));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child = command.spawn().map_err(|e| format!("'{}' can't be started: {e}", words[0]))?;
        let mut child = Child::of(child);
        let (stdout, stderr) = (child.take_stdout(), child.take_stderr());
        let (tell, heard) = mpsc::channel();
        let stdin = child.take_stdin();
        // Ends the program where nobody can listen to it.
        let process = Process { child, stdin, heard, log: log.clone() };
        let deaf = |e: std::io::Error| format!("no thread can be started to listen to it: {e}");
        if let Some(stdout) = stdout {
            thread::Builder::new().spawn(move || listen(stdout, &tell)).map_err(deaf)?;
        }
        if let Some(stderr) = stderr {
            log.listen(stderr).map_err(deaf)?;
        }
        Ok(process)
    }

    /// Number of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks and waits for the answer. After an error the program is of no more use.
    pub fn ask(&mut self, request: &Request<'_>, limit: Duration) -> Result<String, String> {
        let what = request.name();
        if let Ok(heard) = self.heard.try_recv() {
            return Err(match heard {
                Heard::Line(line) => format!("spoke before '{what}' unasked: '{}'", excerpt(&line)),
                other => self.silence(other, what),
            });
        }
        let sent = self.stdin.as_mut().map(|s| s.write_all(request.line().as_bytes()));
        let heard = match sent {
            Some(Ok(())) => self.heard.recv_timeout(limit),
            _ => Err(RecvTimeoutError::Disconnected),
        };
        match heard {
            Ok(Heard::Line(line)) => Ok(line),
            Ok(other) => Err(self.silence(other, what)),
            Err(RecvTimeoutError::Disconnected) => {
                Err(self.silence(Heard::End(String::new()), what))
            }
            Err(RecvTimeoutError::Timeout) => Err(format!(
                "gave no whole line in answer to '{what}' within {}; timeout_s in crossover.toml \
                 allows more",
                units::seconds(limit.as_secs_f64())
            )),
        }
    }

    /// Why there will be no answer to `what`.
    fn silence(&mut self, heard: Heard, what: &str) -> String {
        match heard {
            Heard::End(half) if half.is_empty() => {
                let end = format!("{} at '{what}'", self.ended());
                match self.log.last_words().as_str() {
                    "" => end,
                    words => format!("{end}; its last words: {words}"),
                }
            }
            Heard::End(half) => {
                format!("{} inside its answer to '{what}': '{}'", self.ended(), excerpt(&half))
            }
            Heard::TooLong => {
                let most = units::bytes(MOST_BYTES as f64);
                format!("answered '{what}' with a line of more than {most}")
            }
            Heard::Line(line) => format!("answered '{what}' with '{}'", excerpt(&line)),
        }
    }

    /// How the program ended, with a moment for its last words to arrive.
    fn ended(&mut self) -> String {
        match self.wait(LAST_WORDS) {
            None => "closed its standard output".to_string(),
            Some(status) => {
                // Its words come by another pipe.
                thread::sleep(Duration::from_millis(20));
                format!("ended ({status})")
            }
        }
    }

    fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.ended() {
                return Some(status);
            }
            if start.elapsed() >= limit {
                return None;
            }
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Says goodbye and waits a while; a program that stays is killed.
    pub fn end(mut self) {
        if let Some(mut stdin) = self.stdin.take() {
            // One that is gone already needs no goodbye.
            let _ = stdin.write_all(Request::Bye.line().as_bytes());
        }
        self.wait(GOODBYE);
    }
}

/// Hears lines until the end, or until one is too long.
fn listen(stdout: ChildStdout, tell: &Sender<Heard>) {
    let mut lines = BufReader::new(stdout);
    loop {
        let mut line = Vec::new();
        let limit = MOST_BYTES as u64 + 1;
        let read = std::io::Read::take(&mut lines, limit).read_until(b'\n', &mut line);
        let heard = match read {
            Ok(_) if line.last() == Some(&b'\n') => {
                Heard::Line(String::from_utf8_lossy(&line).trim().to_string())
            }
            Ok(_) if line.len() > MOST_BYTES => Heard::TooLong,
            _ => Heard::End(String::from_utf8_lossy(&line).trim().to_string()),
        };
        let goes_on = matches!(heard, Heard::Line(_));
        // A receiver that is gone has no more questions.
        if tell.send(heard).is_err() || !goes_on {
            return;
        }
    }
}

/// The beginning of a line, for a reason.
fn excerpt(line: &str) -> String {
    line.chars().take(80).collect()
}

/// Variables that OpenMP and the usual BLAS libraries read.
fn environment(threads: u32) -> [(&'static str, String); 5] {
    let count = threads.to_string();
    [
        ("OMP_NUM_THREADS", count.clone()),
        ("OPENBLAS_NUM_THREADS", count.clone()),
        ("MKL_NUM_THREADS", count),
        ("OMP_PROC_BIND", "close".to_string()),
        ("OMP_PLACES", "cores".to_string()),
    ]
}
