//! What the terminal shows while a run goes on.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use console::style;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::backend::Device;
use crate::plan::Case;
use crate::record::{self, Outcome, PlanRow, Record, SummaryRow};
use crate::report;
use crate::session::Progress;
use crate::summary;
use crate::terms::{CaseKey, Cased};
use crate::units;

/// A line for each row, and on a terminal below them what is going on: the case with the time left, and
/// its rows as they are so far.
pub struct Terminal {
    screen: MultiProgress,
    /// The case and the time left; hidden where there is no terminal.
    status: ProgressBar,
    /// The rows so far.
    live: Vec<ProgressBar>,
    json: bool,
    /// Whether the columns have been named.
    headed: bool,
    columns: Columns,
    title: String,
    /// When the last case will be done, as far as can be told.
    end: Instant,
    /// When the last line was written of how far the run is, where there is no terminal.
    last_line: Instant,
}

/// Time between two such lines.
const LINES_APART: Duration = Duration::from_secs(10);

impl Terminal {
    /// `json` prints rows as JSON on standard output; everything else goes to standard error.
    /// `cases` and `devices` are those that rows will name.
    pub fn new(json: bool, cases: &[Case], devices: &[Box<dyn Device>]) -> Terminal {
        let screen = MultiProgress::new();
        Terminal {
            status: spinner(|bar| screen.add(bar), "{spinner} {wide_msg} {prefix}", 250),
            screen,
            live: Vec::new(),
            json,
            headed: false,
            columns: Columns::of(cases, devices),
            title: String::new(),
            end: Instant::now(),
            last_line: Instant::now(),
        }
    }

    /// Takes the moving lines away.
    pub fn finish(&mut self) {
        self.clear();
        self.status.finish_and_clear();
    }

    fn clear(&mut self) {
        for line in self.live.drain(..) {
            line.finish_and_clear();
            self.screen.remove(&line);
        }
    }

    fn line(&self, text: &str) {
        self.screen.suspend(|| out!("{text}"));
    }

    fn show(&self, what: &str) {
        self.status.set_message(format!("{}{what}", self.title));
        let left = self.end.saturating_duration_since(Instant::now());
        self.status.set_prefix(format!("{} left", about(left.as_secs_f64())));
    }
}

/// A time that is no more than an estimate: `40 s`, `4.5 min`, `2.5 h`.
fn about(seconds: f64) -> String {
    let halves = |value: f64| (2.0 * value).round() / 2.0;
    match seconds {
        s if s < 10.0 => format!("{:.0} s", s.max(0.0)),
        s if s < 120.0 => format!("{:.0} s", 5.0 * (s / 5.0).round()),
        s if s < 7200.0 => format!("{} min", halves(s / 60.0)),
        s => format!("{} h", halves(s / 3600.0)),
    }
}

/// A moving line, put to its place and drawn again every so many milliseconds; hidden where there is no
/// terminal.
pub fn spinner(
    put: impl FnOnce(ProgressBar) -> ProgressBar,
    text: &str,
    tick_ms: u64,
) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = put(ProgressBar::new_spinner());
    bar.set_style(template(text));
    bar.enable_steady_tick(Duration::from_millis(tick_ms));
    bar
}

fn template(text: &str) -> ProgressStyle {
    ProgressStyle::with_template(text).expect("a legal template")
}

impl Progress for Terminal {
    fn case(&mut self, number: usize, total: usize, name: &str, left_s: f64) {
        self.title = format!("{number}/{total} {name}: ");
        self.end = Instant::now() + units::duration(left_s.min(1e9));
        self.show("");
        if self.status.is_hidden() && self.last_line.elapsed() >= LINES_APART {
            eprintln!("{number}/{total} {name}, about {} left", about(left_s));
            self.last_line = Instant::now();
        }
    }

    fn step(&mut self, what: &str) {
        self.show(what);
    }

    fn live(&mut self, records: &mut dyn Iterator<Item = Record>, left_s: f64) {
        if self.status.is_hidden() {
            return;
        }
        let left =
            if left_s < 1.0 { String::new() } else { format!(", up to about {}", about(left_s)) };
        self.show(&format!("measuring{left}"));
        for (index, record) in records.enumerate() {
            if index == self.live.len() {
                let bar = self.screen.add(ProgressBar::new_spinner());
                bar.set_style(template("{wide_msg:.dim}"));
                self.live.push(bar);
            }
            self.live[index].set_message(self.columns.row(&record, ""));
        }
    }

    fn rows(&mut self, records: &[Record]) {
        self.clear();
        if !self.json && !self.headed {
            self.line(&style(self.columns.head()).dim().to_string());
            self.headed = true;
        }
        for record in records {
            if self.json {
                self.line(&serde_json::to_string(record).expect("a row is JSON"));
            } else {
                self.line(&self.columns.row(record, &report::case_name(record.case())));
            }
        }
    }

    fn answers(&mut self, plan: &[PlanRow], rows: &[SummaryRow]) {
        if !self.json {
            crossings(plan, rows)
                .iter()
                .for_each(|text| self.line(&style(text).bold().to_string()));
        }
    }

    fn say(&mut self, text: &str) {
        self.screen.suspend(|| eprintln!("{text}"));
    }
}

/// Where the lines of a workload's sweeps cross, a text for each sweep, scope and device: of its implementations
/// the fastest at the largest size speaks for a device.
fn crossings(plan: &[PlanRow], rows: &[SummaryRow]) -> Vec<String> {
    let asked = rows.iter().filter(|row| summary::asks(row));
    let sweep = |row: &SummaryRow| {
        let SummaryRow { axis, dtype, cache, scope, device, .. } = row.clone();
        (axis, dtype, cache, device, scope)
    };
    let sweeps = record::grouped(asked.map(|row| (sweep(row), row)));
    sweeps.iter().filter_map(|(_, rows)| crossing(plan, rows)).collect()
}

/// `gemm, compute: opencl:0 from 512 on, 2.31× at m = n = k = 2048`.
fn crossing(plan: &[PlanRow], rows: &[&SummaryRow]) -> Option<String> {
    let value = |row: &SummaryRow| {
        let here = |p: &&PlanRow| (&p.axis, &p.shape) == (&row.axis, &row.shape);
        plan.iter().find(here)?.axis_value
    };
    let (largest, best) = rows
        .iter()
        .filter_map(|row| Some((value(row)?, row)))
        .max_by(|(a, x), (b, y)| a.cmp(b).then(x.speedup.total_cmp(&y.speedup)))?;
    let SummaryRow { workload, axis, scope, device, .. } = best;
    Some(format!(
        "{workload}, {}: {device} {}, {} at {}",
        report::scope_name(*scope),
        report::crossover_words(best.crossover?, axis, largest),
        units::ratio(best.speedup),
        report::size(workload, axis, largest)
    ))
}

/// Most characters of a case's column: longer ones push their row aside.
const WIDEST: usize = 48;

/// Characters of the columns whose texts differ from run to run.
struct Columns {
    case: usize,
    device: usize,
}

impl Columns {
    fn of(cases: &[Case], devices: &[Box<dyn Device>]) -> Columns {
        let name = |case: &Case| {
            let (workload, shape) = (case.workload.name(), &case.shape.to_string());
            let Case { dtype, cache, .. } = *case;
            report::case_name(CaseKey { workload, shape, dtype, cache })
        };
        let names = cases.iter().map(|case| name(case).chars().count());
        let ids = devices.iter().map(|device| device.entry().id.as_str().len());
        Columns {
            case: names.filter(|width| *width <= WIDEST).fold("case".len(), usize::max),
            device: ids.fold("device".len(), usize::max),
        }
    }

    /// What the columns hold.
    fn head(&self) -> String {
        let left = self.left("case", "device", "implementation", "scope");
        format!("{left} {:>9}  {:>13}  noise", "median", "rate")
    }

    fn left(&self, case: &str, device: &str, implementation: &str, scope: &str) -> String {
        let (widest, width) = (self.case, self.device);
        format!("{case:<widest$} {device:<width$} {implementation:<15} {scope:<10}")
    }

    /// A row for people.
    fn row(&self, record: &Record, case: &str) -> String {
        let scope = record.scope.name();
        let left = self.left(case, record.device.as_str(), &record.implementation, &scope);
        match (record.outcome, record.wall_median_s) {
            (Outcome::Measured | Outcome::Suspect, Some(median)) => {
                let rate = units::rate(record.flop_count, record.bytes_moved, median);
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::DeviceEntry;
    use crate::plan::{self, Selection};
    use crate::session;
    use crate::terms::{DeviceId, DeviceKind, Scope};

    #[test]
    fn estimates_are_as_exact_as_they_can_be() {
        let texts = [0.2, 7.4, 63.0, 119.0, 130.0, 290.0, 7100.0, 9000.0].map(about);
        let expected = ["0 s", "7 s", "65 s", "120 s", "2 min", "5 min", "118.5 min", "2.5 h"];
        assert_eq!(texts, expected);
    }

    /// Every value stands below its name, however long cases and devices are.
    #[test]
    fn columns_line_up() {
        let selection = Selection { workloads: vec!["conv-fprop".into()], ..Selection::default() };
        let cases = plan::cases(&selection).unwrap();
        let columns = Columns::of(&cases, &[]);
        let entry = DeviceEntry::new(DeviceId::cpu(), DeviceKind::Cpu, "A CPU", "cpu");
        let head = columns.head();
        for case in &cases {
            let mut record = session::blank("run", case, &entry, "native", Scope::Compute);
            record.wall_median_s = Some(1.5e-3);
            record.flop_per_s = Some(2e9);
            record.noise = Some(0.01);
            let row = columns.row(&record, &report::case_name(record.case()));
            let column =
                |text: &str, word: &str| text.find(word).map(|at| text[..at].chars().count());
            assert_eq!(column(&row, "native"), column(&head, "implementation"), "{row}");
            let end = |text: &str, word: &str| column(text, word).unwrap() + word.chars().count();
            assert_eq!(end(&row, "1.50 ms"), end(&head, "median"), "{row}");
        }
    }
}
