//! A race between two programs of the user's over one axis: one that computes on the CPU, and one that computes
//! the same on a GPU. Each run is a process of its own, they take turns in rounds, and their outputs are compared.
//!
//! | file | holds |
//! | --- | --- |
//! | `axis.rs` | the axis and its points |
//! | `command.rs` | a command line with a size to be put in |
//! | `process.rs` | one run of a program: its time, its output, how it ended |
//! | `check.rs` | whether two outputs say the same |
//! | `side.rs` | a side at one size, as something that can be sampled |
//! | `rows.rs` | what was found, as rows of a run's folder |

mod axis;
mod check;
mod command;
mod process;
mod rows;
mod side;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::backend::Runner;
use crate::error::{Error, Result};
use crate::folder::RunFolder;
use crate::measure::{self, Clock, Conditions, Contest, Lane};
use crate::plan::Effort;
use crate::record::{self, SummaryRow, file};
use crate::stats::Pairing;
use crate::summary;
use crate::terms::{Cache, Crossover, Scope};
use crate::units;

pub use axis::Axis;
pub use check::Check;
pub use command::Command;
pub use rows::{SIDES, WORKLOAD, devices};
use side::{RunClock, Side};

/// What a run includes: all of it, from the start of a process to its end, or what the program calls its time.
const SCOPE: Scope = Scope::EndToEnd;

/// Caps of sampling, per side and size.
const EFFORT: Effort = Effort { warm_up_s: 0.0, sample_s: 1.0 };

/// Sizes that are tried inside the bracket of the crossover, one after the other.
const NARROWED: usize = 4;

/// Two programs, and over what they race.
pub struct Race {
    /// What grows.
    pub axis: Axis,
    /// The program on the CPU and the one on the GPU.
    pub commands: [Command; 2],
    /// How their outputs are compared.
    pub check: Check,
    /// How long a run may take.
    pub limit: Duration,
    /// Seconds for all of it, if that is limited: no size is begun after them.
    pub budget_s: Option<f64>,
}

/// How a race ended.
#[derive(Debug, Default)]
pub struct Ending {
    /// Why it went no further, where a run failed or outputs differ.
    pub failure: Option<String>,
    /// Whether the user stopped it, or the budget was used up before the last size.
    pub is_cut: bool,
}

impl Race {
    /// Runs both programs once at the smallest size, and compares their outputs: what is wrong with them shows
    /// before anything is measured.
    pub fn try_out(&self) -> Result<()> {
        self.sides(self.axis.low(), &RunClock::default()).map(drop).map_err(Error::Usage)
    }

    /// Measures size by size, then between the last size that is lost and the first that is won. Rows go into the
    /// folder size by size; `say` hears of each.
    pub fn run(
        &self,
        folder: &mut RunFolder,
        stop: &AtomicBool,
        say: &mut dyn FnMut(&str),
    ) -> Result<Ending> {
        let clock = RunClock::default();
        let start_s = clock.now();
        let mut sizes: Vec<u64> = Vec::new();
        let mut coming: Vec<u64> = self.axis.points();
        coming.reverse();
        let mut narrowed = 0;
        loop {
            let is_late = self.budget_s.is_some_and(|s| clock.now() - start_s >= s);
            if stop.load(Ordering::Relaxed) || (is_late && !coming.is_empty()) {
                return Ok(Ending { is_cut: true, ..Ending::default() });
            }
            if coming.is_empty() && narrowed < NARROWED && !is_late {
                coming.extend(self.between(folder, &sizes)?);
                narrowed += 1;
            }
            let Some(size) = coming.pop() else { return Ok(Ending::default()) };
            sizes.push(size);
            sizes.sort_unstable();
            folder.write_plan(&rows::plan(&self.axis, &sizes))?;
            let failure = self.measure(size, folder, &clock, stop, say)?;
            if failure.is_some() {
                return Ok(Ending { failure, is_cut: false });
            }
        }
    }

    /// Samples both sides at a size. Why that failed, if it did.
    fn measure(
        &self,
        size: u64,
        folder: &mut RunFolder,
        clock: &RunClock,
        stop: &AtomicBool,
        say: &mut dyn FnMut(&str),
    ) -> Result<Option<String>> {
        let [cpu, gpu] = match self.sides(size, clock) {
            Ok(sides) => sides,
            Err(why) => {
                folder.append(
                    &rows::failed(folder.name(), &self.axis, size, &self.commands, &why),
                    &[],
                )?;
                return Ok(Some(why));
            }
        };
        let mut runners: [Box<dyn Runner>; 2] = [Box::new(cpu), Box::new(gpu)];
        let lanes = [0, 1].map(|runner| Lane { runner, scope: SCOPE, race: None });
        let contests = [Contest { baselines: vec![0], opponent: 1 }];
        let conditions = Conditions {
            cache: Cache::Hot,
            effort: EFFORT,
            contests: &contests,
            rounds: None,
            is_single: true,
            seed: size,
            clock,
            stop,
            watch: &mut |_, _| {},
        };
        let measured = measure::sample(&mut runners, &lanes, conditions);
        let (records, samples) = rows::measured(
            (folder.name(), self.check),
            &self.axis,
            size,
            &self.commands,
            &measured,
        );
        folder.append(&records, &samples)?;
        let times = records.iter().map(|r| r.wall_median_s.map_or("-".to_string(), units::seconds));
        say(&format!("{:<16} {}", self.axis.shape(size), times.collect::<Vec<_>>().join("   ")));
        Ok(measured.into_iter().find_map(|m| m.failure))
    }

    /// Both sides at a size, after a run of each whose outputs agree.
    fn sides(&self, size: u64, clock: &RunClock) -> std::result::Result<[Side; 2], String> {
        let wrong = |why: String| format!("{}: {why}", self.axis.shape(size));
        let [cpu, gpu] = &self.commands;
        let side = |command: &Command| Side::new(command.at(size), self.limit, clock.clone());
        let mut sides = [side(cpu), side(gpu)];
        let mut outputs = Vec::new();
        for (side, name) in sides.iter_mut().zip(SIDES) {
            let output = side.try_once().map_err(|why| wrong(format!("--{name}: {why}")))?;
            if self.check.needs_output() && output.trim().is_empty() {
                let what = "prints nothing that could be checked; --check none asks for nothing";
                return Err(wrong(format!("--{name}: {what}")));
            }
            outputs.push(output);
        }
        self.check.compare(&outputs[0], &outputs[1]).map_err(wrong)?;
        for (side, output) in sides.iter_mut().zip(outputs) {
            side.hold_to(self.check, output);
        }
        Ok(sides)
    }

    /// A size inside the bracket of the crossover that was not measured.
    fn between(&self, folder: &RunFolder, sizes: &[u64]) -> Result<Option<u64>> {
        let crossover = self.crossover(folder, sizes)?;
        let bracket = crossover.and_then(|crossover| crossover.bracket(sizes));
        Ok(bracket.and_then(|(low, high)| self.axis.middle(low, high)))
    }

    /// From which size on the GPU wins, as far as that is measured.
    fn crossover(&self, folder: &RunFolder, sizes: &[u64]) -> Result<Option<Crossover>> {
        let plan = rows::plan(&self.axis, sizes);
        let (records, samples) = (folder.records()?, folder.samples()?);
        let rows = summary::summarize(&plan, &records, &samples, Pairing::Paired);
        Ok(rows.into_iter().find_map(|row| row.crossover))
    }
}

/// The crossover of a race that is summed up in a folder, in a line; none where no size was measured on both sides.
pub fn answer(folder: &RunFolder) -> Result<Option<String>> {
    let rows: Vec<SummaryRow> = record::read(&folder.path().join(file::SUMMARY))?;
    let Some((first, last)) = rows.first().zip(rows.last()) else { return Ok(None) };
    let at = |size: u64| format!("{}={size}", first.axis);
    let answer = |crossover| match crossover {
        Crossover::Always => format!("The GPU wins at every size from {} on", first.shape),
        Crossover::Never => "The GPU wins at no size".to_string(),
        Crossover::From(size) => format!("The GPU wins from {} on", at(size)),
        Crossover::Unclear(low, high) if low == high => {
            format!("Whether the GPU wins from {} on is unclear", at(low))
        }
        Crossover::Unclear(low, high) => {
            format!("From where on the GPU wins is unclear, between {} and {}", at(low), at(high))
        }
    };
    let at_last = format!("it is {} as fast at {}", units::ratio(last.speedup), last.shape);
    Ok(first.crossover.map(|crossover| format!("{}; {at_last}.", answer(crossover))))
}
