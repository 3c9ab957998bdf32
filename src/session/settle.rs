//! Further rounds where an answer is open: the points of a run whose verdict is ambiguous are sampled again, and
//! the rounds are added to their rows.

use super::noise::choices_of;
use super::open::{Open, has_side, open_of, points, seconds};
use super::sampler::Extent;
use super::{CaseRows, Ledger, Progress, Session};
use crate::error::Result;
use crate::measure::Clock;
use crate::plan::{Case, Effort};
use crate::record::{self, Record, SampleRow};
use crate::stats::Pairing;
use crate::summary;
use crate::terms::{Keyed, Verdict};
use crate::units;

/// How often a point is looked at again. Every look is a chance to be wrong: see `open.rs`.
pub(super) const LOOKS: usize = 3;

/// A look may take so many times what is expected of it.
const OVERTIME: f64 = 3.0;

/// What became of comparisons that were open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Answers {
    decided: usize,
    ties: usize,
    /// For want of time.
    open: usize,
}

/// Samples open points again, until each is decided, a tie as far as the machine can tell, or the clock is past
/// `until_s`. True where it was cut.
pub(super) fn settle(
    session: &mut Session<'_>,
    cases: &[Case],
    (effort, until_s): (Effort, Option<f64>),
    ledger: &mut Ledger<'_>,
    progress: &mut dyn Progress,
) -> Result<bool> {
    let setup = session.setup;
    let points = points(cases, ledger)?;
    let mut answers = Answers::default();
    if !points.is_empty() {
        progress.say("sampling further where an answer is open");
    }
    for (number, (case, open)) in points.iter().enumerate() {
        let left_s = points[number..].iter().map(|(_, open)| seconds(open)).sum::<f64>();
        let until_end_s = until_s.map_or(f64::INFINITY, |until_s| until_s - setup.clock.now());
        let name = format!("{} further", case.name());
        progress.case(number + 1, points.len(), &name, left_s.min(until_end_s.max(0.0)));
        let mut has_time = true;
        for _ in 0..LOOKS {
            let now_open = open_of(case, ledger)?;
            has_time = is_in_time(&now_open, until_s, setup.clock);
            if setup.is_stopped() || !has_time || now_open.iter().all(|open| open.is_tie) {
                break;
            }
            session.look_at_devices(progress);
            if !look(session, case, &now_open, (effort, until_s), ledger, progress)? {
                break;
            }
        }
        if setup.is_stopped() {
            return Ok(true);
        }
        tell(case, open, has_time, ledger, &mut answers, progress)?;
    }
    progress.say(&answers.sentence());
    Ok(false)
}

impl Answers {
    fn sentence(self) -> String {
        let Answers { decided, ties, open } = self;
        let all = decided + ties + open;
        if all == 0 {
            return "no comparison is open".to_string();
        }
        let mut parts = vec![format!("{decided} of {all} open comparisons are decided now")];
        if ties > 0 {
            parts.push(format!("{ties} a tie as far as this machine can tell"));
        }
        if open > 0 {
            parts.push(format!("{open} still open: there is no more time"));
        }
        parts.join(", ")
    }
}

fn is_in_time(open: &[Open], until_s: Option<f64>, clock: &dyn Clock) -> bool {
    until_s.is_none_or(|until_s| clock.now() + seconds(open) <= until_s)
}

/// Samples the two sides of open comparisons of a case, and adds what comes out to their rows. False where
/// nothing did.
fn look(
    session: &mut Session<'_>,
    case: &Case,
    open: &[Open],
    (effort, until_s): (Effort, Option<f64>),
    ledger: &mut Ledger<'_>,
    progress: &mut dyn Progress,
) -> Result<bool> {
    let open: Vec<&Open> = open.iter().filter(|open| !open.is_tie).collect();
    let (records, mut samples) = (ledger.records()?, ledger.samples()?);
    samples.retain(|sample| case.has(sample));
    let sides: Vec<&Record> =
        records.iter().filter(|r| open.iter().any(|open| has_side(&open.row, r))).collect();
    let first = samples.iter().filter_map(|s| s.round).max().map_or(0, |last| last + 1);
    let rounds = open.iter().map(|open| open.rounds).fold(1.0, f64::max) as u64;
    let expected_s = open.iter().map(|open| open.seconds).fold(0.0, f64::max);
    let left_s = until_s.map_or(f64::INFINITY, |until_s| until_s - session.setup.clock.now());
    let choices = choices_of(&session.setup, &sides);
    let scopes = record::distinct(open.iter().map(|open| open.row.scope));
    let sample_s = (OVERTIME * expected_s).min(left_s) / (choices.len() * scopes.len()) as f64;
    let effort = Effort { sample_s, ..effort };
    let extent = Extent { effort, scopes, rounds: Some(first..first + rounds) };
    let before = session.canary_times();
    let more = session.sampler.sample(case, choices, &extent, progress);
    let mut longer = longer(&sides, &samples, &more);
    for row in more.records.iter().filter(|row| !row.counts()) {
        progress.say(&format!("{}: {}", case.name(), row.reason));
    }
    session.hold(&mut longer, &before, progress);
    ledger.lengthen(&longer, &more.samples)?;
    progress.rows(&longer);
    Ok(!longer.is_empty())
}

/// The rows with all of their samples, those that have more now.
fn longer(rows: &[&Record], samples: &[SampleRow], more: &CaseRows) -> Vec<Record> {
    let has_more = |row: &&&Record| more.records.iter().any(|r| r.counts() && r.key() == row.key());
    let all = |row: &&Record| {
        let of_row = |s: &&SampleRow| s.key() == row.key();
        super::rows::longer(row, samples.iter().chain(&more.samples).filter(of_row))
    };
    rows.iter().filter(has_more).map(all).collect()
}

/// Says what became of the comparisons of a case that were open.
fn tell(
    case: &Case,
    were_open: &[Open],
    is_through: bool,
    ledger: &Ledger<'_>,
    answers: &mut Answers,
    progress: &mut dyn Progress,
) -> Result<()> {
    let (mut records, mut samples) = (ledger.records()?, ledger.samples()?);
    records.retain(|row| case.has(row));
    samples.retain(|row| case.has(row));
    let rows = summary::summarize(&case.rows, &records, &samples, Pairing::Paired);
    for open in were_open {
        let now =
            rows.iter().find(|r| r.key() == open.row.key() && r.baseline == open.row.baseline);
        let Some(now) = now else { continue };
        let word = match now.verdict {
            Verdict::None => {
                answers.ties += 1;
                "too noisy to tell"
            }
            Verdict::Ambiguous if is_through || open.is_tie => {
                answers.ties += 1;
                "a tie as far as this machine can tell"
            }
            Verdict::Ambiguous => {
                answers.open += 1;
                "still open"
            }
            decided => {
                answers.decided += 1;
                decided.name()
            }
        };
        progress.say(&format!(
            "{}, {}, {} {}: {word}, {} ({} to {})",
            case.name(),
            now.scope.name(),
            now.device,
            now.implementation,
            units::ratio(now.speedup),
            units::ratio(now.speedup_low),
            units::ratio(now.speedup_high)
        ));
    }
    Ok(())
}
