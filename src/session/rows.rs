//! From what was measured to rows.

use super::{Choice, Facts, Setup};
use crate::error::Error;
use crate::machine::DeviceEntry;
use crate::measure::{Measured, PartTime};
use crate::plan::Case;
use crate::record::{BreakdownRow, Outcome, Record, SampleRow};
use crate::stats;
use crate::terms::{DeviceId, Scope};
use crate::workload::Algorithm;

/// The rows of one case.
#[derive(Default)]
pub struct CaseRows {
    /// Rows of results.csv.
    pub records: Vec<Record>,
    /// Rows of samples.csv.
    pub samples: Vec<SampleRow>,
    /// Rows of breakdown.csv.
    pub breakdown: Vec<BreakdownRow>,
}

impl CaseRows {
    /// Adds all of other rows.
    pub(super) fn extend(&mut self, mut other: CaseRows) {
        self.records.append(&mut other.records);
        self.samples.append(&mut other.samples);
        self.breakdown.append(&mut other.breakdown);
    }

    /// Adds a row with its samples.
    pub fn add(&mut self, record: Record, measured: &Measured) {
        self.samples.extend(sample_rows(&record, measured));
        self.records.push(record);
    }
}

/// Makes rows of what was measured, or of why nothing was.
pub struct Rows<'a> {
    pub(super) setup: Setup<'a>,
    /// Name of the run.
    pub(super) run: String,
    /// Ids of devices whose own clock can't be trusted: their rows have wall times alone.
    pub(super) untrusted: Vec<DeviceId>,
}

impl Rows<'_> {
    /// The row of a measured runner in a scope.
    pub fn measured(
        &self,
        case: &Case,
        facts: &Facts,
        scope: Scope,
        measured: &Measured,
    ) -> Record {
        let mut record = self.record(case, &facts.choice, scope);
        fill(&mut record, case, facts, measured);
        if self.untrusted.contains(&record.device) && record.device_median_s.take().is_some() {
            record.timer = "wall".to_string();
            record.note("untimed-device");
        }
        record
    }

    /// The rows of a runner without a time, one a scope.
    pub fn unmeasured(&self, case: &Case, choice: &Choice, why: &Error) -> Vec<Record> {
        let row = |scope: Scope| {
            let mut record = self.record(case, choice, scope);
            refuse(&mut record, why);
            record
        };
        self.setup.scopes(case.workload).into_iter().map(row).collect()
    }

    /// The row of a verified runner in a scope that it is not measured in.
    pub fn left_out(&self, case: &Case, choice: &Choice, scope: Scope, why: &Error) -> Record {
        let mut record = self.record(case, choice, scope);
        refuse(&mut record, why);
        record
    }

    /// The rows of runners that are left out.
    pub(super) fn refused(&self, case: &Case, refused: &[(Choice, Error)]) -> CaseRows {
        let rows = |(choice, why): &(Choice, Error)| self.unmeasured(case, choice, why);
        CaseRows { records: refused.iter().flat_map(rows).collect(), ..CaseRows::default() }
    }

    /// The operations of a run that was taken apart.
    pub(super) fn breakdown(
        &self,
        case: &Case,
        choice: &Choice,
        parts: Vec<PartTime>,
    ) -> impl Iterator<Item = BreakdownRow> {
        parts.into_iter().map(|PartTime { part, calls, wall_s }| BreakdownRow {
            workload: case.workload.name().to_string(),
            shape: case.shape.to_string(),
            dtype: case.dtype,
            device: self.setup.device(choice).entry().id.clone(),
            implementation: choice.implementation.clone(),
            operation: part.operation,
            calls,
            wall_s,
            device_s: part.device_s,
            flop_count: part.flop_count,
            bytes_moved: None,
        })
    }

    /// A row with everything but results.
    fn record(&self, case: &Case, choice: &Choice, scope: Scope) -> Record {
        let entry = self.setup.device(choice).entry();
        blank(&self.run, case, entry, &choice.implementation, scope)
    }
}

/// A row with everything but results.
pub fn blank(
    run: &str,
    case: &Case,
    entry: &DeviceEntry,
    implementation: &str,
    scope: Scope,
) -> Record {
    let work = case.workload.work(&case.shape);
    let network = case.workload.network().map(|network| (network.graph)(&case.shape));
    Record {
        run: run.to_string(),
        workload: case.workload.name().to_string(),
        shape: case.shape.to_string(),
        dtype: case.dtype,
        cache: case.cache,
        scope,
        device: entry.id.clone(),
        device_kind: entry.kind,
        device_name: entry.name.clone(),
        backend: entry.backend.clone(),
        implementation: implementation.to_string(),
        threads: entry.threads,
        parameters: network.map(|graph| graph.parameter_count()),
        flop_count: work.flop_count,
        flop_exact: work.flop_exact,
        bytes_moved: case.workload.bytes_moved(&case.shape, case.dtype),
        ..Record::unmeasured()
    }
}

/// Says in a row why it has no time: an implementation that does not serve the case, one that is left
/// out, or a failure.
pub fn refuse(record: &mut Record, why: &Error) {
    record.outcome = match why {
        Error::Unsupported(_) => Outcome::Unsupported,
        Error::Skipped(_) => Outcome::Skipped,
        _ => Outcome::Failed,
    };
    record.reason = why.to_string();
    if let Error::Wrong { error_ratio, .. } = why {
        record.max_error_ratio = *error_ratio;
    }
}

/// Puts what was found into a row.
fn fill(record: &mut Record, case: &Case, facts: &Facts, measured: &Measured) {
    record.tuned = facts.details.tuned.to_string();
    if let Some(work) = facts.details.work {
        record.flop_count = work.flop_count;
        record.flop_exact = work.flop_exact;
        record.bytes_moved = work.bytes_moved(case.workload.formats(case.dtype).storage);
    }
    if facts.details.algorithm != Algorithm::Direct {
        record.flop_exact = case.workload.flop_exact_by(&case.shape, facts.details.algorithm);
    }
    if facts.proof.is_cornered {
        record.note("corner");
    }
    facts.details.notes.iter().for_each(|note| record.note(note));
    record.threads = facts.details.threads.or(record.threads);
    record.scratch_bytes = Some(facts.details.scratch_bytes);
    record.max_error_ratio = Some(facts.proof.max_error_ratio);
    record.build_s = facts.build_s;
    if let Some(reason) = &measured.failure {
        record.outcome = Outcome::Failed;
        record.reason.clone_from(reason);
        return;
    }
    if !record.take_times(&measured.wall_s()) {
        record.outcome = Outcome::Skipped;
        record.reason = "interrupted before its first sample".to_string();
        return;
    }
    record.device_median_s = measured.device_median_s();
    record.timer =
        if record.device_median_s.is_some() { "wall+device" } else { "wall" }.to_string();
    if let Some(doubt) = &measured.doubt {
        record.outcome = Outcome::Suspect;
        record.reason.clone_from(doubt);
    }
    if measured.outpaced {
        record.note("outpaced");
    }
    if !measured.device_runs.is_empty() && record.device_median_s.is_none() {
        record.note("untimed-device");
    }
}

/// A row with these samples, which are more than it had.
pub(super) fn longer<'s>(row: &Record, samples: impl Iterator<Item = &'s SampleRow>) -> Record {
    let (in_rounds, on_device): (Vec<_>, Vec<_>) = samples.partition(|s| s.round.is_some());
    let mut longer = row.clone();
    let wall_s: Vec<f64> = in_rounds.iter().map(|s| s.wall_s).collect();
    longer.take_times(&wall_s);
    let device_s: Vec<f64> = on_device.iter().filter_map(|s| s.device_s).collect();
    longer.device_median_s = row.device_median_s.and(stats::median(&device_s));
    longer
}

/// The samples of a row.
fn sample_rows(record: &Record, measured: &Measured) -> Vec<SampleRow> {
    let row = |round: Option<u64>, iterations: u64, wall_s: f64, device_s: Option<f64>| {
        SampleRow::of(record, round, iterations, (wall_s, device_s))
    };
    let samples = measured.samples.iter().map(|s| row(Some(s.round), s.iterations, s.wall_s, None));
    let device = measured.device_runs.iter().map(|r| row(None, 1, r.wall_s, r.device_s));
    samples.chain(device).collect()
}
