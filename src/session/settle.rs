//! Further rounds where an answer is open: the points of a run whose verdict is ambiguous are sampled again, and
//! the rounds are added to their rows.

use super::noise::choices_of;
use super::open::{Open, compared, has_side, open_of, points, seconds};
use super::sampler::Extent;
use super::{CaseRows, Ledger, Progress, Session};
use crate::error::Result;
use crate::measure::Clock;
use crate::plan::{Case, Effort};
use crate::record::{self, Record, SampleRow};
use crate::terms::{Keyed, Verdict};
use crate::units;

/// How often a point is looked at again. Every look is a chance to be wrong: see `open.rs`.
pub(super) const LOOKS: usize = 3;

/// A look may take so many times what is expected of it.
const OVERTIME: f64 = 3.0;

/// What became of a comparison that was open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Decided,
    Tie,
    Open,
}

/// How many there are of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Answers {
    decided: usize,
    ties: usize,
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
        let (mut looks, mut is_through) = (0, false);
        while looks < LOOKS && !setup.is_stopped() {
            let now_open = open_of(case, ledger)?;
            is_through = now_open.iter().all(|open| open.is_tie);
            if is_through || !is_in_time(&now_open, until_s, setup.clock) {
                break;
            }
            session.look_at_devices(progress);
            if !look(session, case, &now_open, (effort, until_s), ledger, progress)? {
                break;
            }
            looks += 1;
        }
        if setup.is_stopped() {
            return Ok(true);
        }
        is_through |= looks == LOOKS;
        let now = answers_of(case, open, is_through, ledger)?;
        for (answer, text) in now {
            answers.count(answer);
            // What was not even tried is only counted.
            if looks > 0 {
                progress.say(&text);
            }
        }
    }
    progress.say(&answers.sentence());
    Ok(false)
}

impl Answers {
    fn count(&mut self, answer: Answer) {
        *match answer {
            Answer::Decided => &mut self.decided,
            Answer::Tie => &mut self.ties,
            Answer::Open => &mut self.open,
        } += 1;
    }

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
            parts.push(format!("{open} still open: they need more time than there is"));
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
    let extent = Extent { effort, scopes, rounds: Some(first..first.saturating_add(rounds)) };
    let before = session.canary_times();
    let more = session.sampler.sample(case, choices, &extent, progress);
    for row in more.records.iter().filter(|row| !row.counts()) {
        progress.say(&format!("{}: {}", case.name(), row.reason));
    }
    ledger.note_failures(&more.records);
    let mut longer = longer(&records, &samples, &more);
    let mut added = more.samples;
    added.retain(|sample| longer.iter().any(|row| row.key() == sample.key()));
    session.hold(&mut longer, &before, progress);
    ledger.lengthen(&longer, &added)?;
    progress.rows(&longer);
    Ok(!longer.is_empty())
}

/// Those of some rows that have more samples now, with all of them. Rounds that their lanes did not share are none.
fn longer(rows: &[Record], samples: &[SampleRow], more: &CaseRows) -> Vec<Record> {
    let is_shared = |r: &&Record| r.counts() && !r.has_note("not-interleaved");
    let longer = |new: &Record| {
        let row = rows.iter().find(|row| row.counts() && row.key() == new.key())?;
        let of_row = |s: &&SampleRow| s.key() == row.key();
        Some(super::rows::longer(row, samples.iter().chain(&more.samples).filter(of_row)))
    };
    more.records.iter().filter(is_shared).filter_map(longer).collect()
}

/// What became of the comparisons of a case that were open, with a sentence each. `is_through` where nothing more
/// can be done for them.
fn answers_of(
    case: &Case,
    were_open: &[Open],
    is_through: bool,
    ledger: &Ledger<'_>,
) -> Result<Vec<(Answer, String)>> {
    let rows = compared(case, ledger)?;
    let answer = |open: &Open| {
        let key = open.row.key();
        let now = rows.iter().find(|r| r.key() == key && r.baseline == open.row.baseline)?;
        let (answer, words) = match now.verdict {
            Verdict::None => (Answer::Tie, "too noisy to tell"),
            Verdict::Ambiguous if is_through || open.is_tie => {
                (Answer::Tie, "a tie as far as this machine can tell")
            }
            Verdict::Ambiguous => (Answer::Open, "still open"),
            decided => (Answer::Decided, decided.name()),
        };
        let [value, low, high] = [now.speedup, now.speedup_low, now.speedup_high].map(units::ratio);
        let (scope, device, implementation) = (now.scope.name(), &now.device, &now.implementation);
        let who = format!("{}, {scope}, {device} {implementation}", case.name());
        Some((answer, format!("{who}: {words}, {value} ({low} to {high})")))
    };
    Ok(were_open.iter().filter_map(answer).collect())
}
