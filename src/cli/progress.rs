//! What the terminal shows while a run goes on.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use console::style;
use indicatif::{ProgressBar, ProgressStyle};

use crate::backend::Device;
use crate::record::{Outcome, Record};
use crate::session::Progress;
use crate::units;
use crate::workload::{self, Cache, Dtype, Shape};

/// A line for each row, and on a terminal a moving line below them.
pub struct Terminal {
    bar: ProgressBar,
    json: bool,
    /// Characters of the longest device id.
    width: usize,
    title: String,
}

impl Terminal {
    /// `json` prints rows as JSON on standard output; everything else goes to standard error.
    /// `devices` are those that rows will name.
    pub fn new(json: bool, devices: &[Box<dyn Device>]) -> Terminal {
        let bar = if io::stderr().is_terminal() {
            let bar = ProgressBar::new(0);
            let template = "{spinner} {pos}/{len} {wide_msg} {elapsed}, {eta} left";
            bar.set_style(ProgressStyle::with_template(template).expect("a legal template"));
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        } else {
            ProgressBar::hidden()
        };
        let width = devices.iter().map(|d| d.entry().id.len()).max().unwrap_or(0);
        Terminal { bar, json, width, title: String::new() }
    }

    /// Takes the moving line away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn line(&self, text: &str) {
        // A reader that went away is no reason to stop measuring.
        self.bar.suspend(|| {
            let _ = writeln!(io::stdout(), "{text}");
        });
    }
}

impl Progress for Terminal {
    fn case(&mut self, number: usize, total: usize, name: &str) {
        self.bar.set_length(total as u64);
        self.bar.set_position(number as u64 - 1);
        self.title = name.to_string();
        self.bar.set_message(self.title.clone());
    }

    fn step(&mut self, what: &str) {
        self.bar.set_message(format!("{}: {what}", self.title));
    }

    fn rows(&mut self, records: &[Record]) {
        for record in records {
            if self.json {
                self.line(&serde_json::to_string(record).expect("a row is JSON"));
            } else {
                self.line(&row(record, self.width));
            }
        }
    }

    fn say(&mut self, text: &str) {
        self.bar.suspend(|| eprintln!("{text}"));
    }
}

/// What was computed in a second, or moved where next to nothing is computed.
fn rate(record: &Record) -> String {
    match (record.flop_per_s, record.bytes_per_s) {
        (_, Some(bytes)) if record.flop_count <= record.bytes_moved / 4 => {
            units::bytes_per_s(bytes)
        }
        (Some(flop), _) => units::flop_per_s(flop),
        _ => String::new(),
    }
}

/// A row for people, in fixed columns.
fn row(record: &Record, width: usize) -> String {
    let shape = workload::find(&record.workload)
        .and_then(|w| Ok(w.label(&Shape::parse(w, &record.shape)?)))
        .unwrap_or_else(|_| record.shape.clone());
    let dtype = if record.dtype == Dtype::F32.name() { "" } else { &record.dtype };
    let cache = if record.cache == Cache::Hot { "" } else { record.cache.name() };
    let case = [&record.workload, &shape, dtype, cache].join(" ");
    let left = format!(
        "{:<26} {:<width$} {:<15} {:<10}",
        case.split_whitespace().collect::<Vec<_>>().join(" "),
        record.device,
        record.implementation,
        record.scope.name()
    );
    match (record.outcome, record.wall_median_s) {
        (Outcome::Measured | Outcome::Suspect, Some(median)) => {
            let rate = rate(record);
            let noise = record.noise.unwrap_or(0.0) * 100.0;
            let mut remarks = vec![record.notes.as_str()];
            let suspect = format!("{} {}", style("suspect:").red(), record.reason);
            if record.outcome == Outcome::Suspect {
                remarks.push(&suspect);
            }
            remarks.retain(|remark| !remark.is_empty());
            let gap = if remarks.is_empty() { "" } else { "  " };
            format!(
                "{left} {:>9}  {rate:>13}  ±{noise:.1} %{gap}{}",
                units::seconds(median),
                remarks.join(", ")
            )
        }
        (outcome, _) => {
            let word = style(format!("{outcome:?}").to_lowercase());
            let word = if outcome == Outcome::Failed { word.red().bold() } else { word.dim() };
            format!("{left} {word}: {}", record.reason)
        }
    }
}
