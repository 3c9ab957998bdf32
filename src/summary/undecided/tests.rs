//! Intervals with a known distance to the next verdict.

use super::*;
use crate::stats::Pairing;
use crate::terms::{DeviceId, DeviceKind, Scope};

/// A comparison at one size, of which every run takes `seconds`: its ratio with an interval to either side.
fn at(
    size: u64,
    scope: Scope,
    seconds: f64,
    (low, value, high): (f64, f64, f64),
) -> (SummaryRow, [Record; 2]) {
    let shape = format!("m={size},n={size},k={size},ta=0,tb=0");
    let record = |device: &str, kind| Record {
        shape: shape.clone(),
        scope,
        device: device.into(),
        device_kind: kind,
        wall_median_s: Some(seconds),
        samples: Some(10),
        ..Record::example()
    };
    let records = [record("cpu", DeviceKind::Cpu), record("opencl:0", DeviceKind::Gpu)];
    let row = SummaryRow {
        workload: "gemm".into(),
        axis: "mnk".into(),
        shape: shape.clone(),
        dtype: records[0].dtype,
        cache: records[0].cache,
        scope,
        baseline: Baseline::Best,
        cpu_device: DeviceId::cpu(),
        cpu_implementation: "test".into(),
        device: "opencl:0".into(),
        implementation: "test".into(),
        cpu_median_s: seconds,
        device_median_s: seconds,
        speedup: value,
        speedup_low: low,
        speedup_high: high,
        pairing: Pairing::Paired,
        verdict: Verdict::of(low, high, 0.01),
        crossover: None,
        derived: false,
        break_even: None,
        break_even_low: None,
        break_even_high: None,
    };
    (row, records)
}

fn split(points: Vec<(SummaryRow, [Record; 2])>) -> (Vec<SummaryRow>, Vec<Record>) {
    let (rows, records): (Vec<_>, Vec<_>) = points.into_iter().unzip();
    (rows, records.into_iter().flatten().collect())
}

/// An interval from 1.1 / 1.2 to 1.1 x 1.2.
const WIDE: (f64, f64, f64) = (1.1 / 1.2, 1.1, 1.1 * 1.2);

#[test]
fn rounds_grow_with_the_square_of_what_is_missing() {
    let (rows, records) = split(vec![at(8, Scope::Compute, 0.01, WIDE)]);
    let found = undecided(&rows, &records);
    // Of ln 1.2 to either side ln (1.1 / 1.01) may be left.
    let times = (1.2f64.ln() / (1.1f64 / 1.01).ln()).powi(2);
    assert_eq!(found[0].rounds, (10.0 * times - 10.0).ceil());
    // A round is a sample of both, each of two runs.
    assert!((found[0].seconds - found[0].rounds * 0.04).abs() < 1e-9);
    assert!(!found[0].is_tie());
    // Half the width is a quarter of the rounds that there must be.
    let (rows, records) =
        split(vec![at(8, Scope::Compute, 0.01, (1.1 / 1.2f64.sqrt(), 1.1, 1.1 * 1.2f64.sqrt()))]);
    let narrower = undecided(&rows, &records)[0].rounds;
    assert!((4.0 * (narrower + 10.0) - (found[0].rounds + 10.0)).abs() < 5.0, "{narrower}");
}

#[test]
fn every_verdict_can_be_near() {
    for (value, verdict) in [(1.3, Verdict::Faster), (0.75, Verdict::Slower), (1.0, Verdict::Same)]
    {
        let interval = (value / 1.4, value, value * 1.4);
        let (rows, records) = split(vec![at(8, Scope::Compute, 1e-3, interval)]);
        let rounds = undecided(&rows, &records)[0].rounds;
        // With so many rounds the interval is as narrow as the verdict asks for, with a few less it is not.
        let reach = |rounds: f64| 1.4f64.ln() * (10.0 / (10.0 + rounds)).sqrt();
        let of = |rounds| {
            Verdict::of(value / f64::exp(reach(rounds)), value * f64::exp(reach(rounds)), 0.0)
        };
        assert_eq!((of(rounds + 1.0), of(rounds - 2.0)), (verdict, Verdict::Ambiguous), "{value}");
    }
}

#[test]
fn what_lies_on_a_border_is_a_tie() {
    // As far from the same as from faster, and next to neither.
    let (rows, records) = split(vec![at(8, Scope::Compute, 0.2, (0.9, 1.015, 1.2))]);
    let found = undecided(&rows, &records);
    assert!(found[0].is_tie() && until_decided_seconds(&found) == 0.0, "{found:?}");
    // Where runs are short, the same takes no time.
    let (rows, records) = split(vec![at(8, Scope::Compute, 1e-5, (0.9, 1.015, 1.2))]);
    assert!(!undecided(&rows, &records)[0].is_tie());
}

#[test]
fn rounds_of_a_case_are_shared() {
    let scopes = [Scope::Compute, Scope::EndToEnd].map(|scope| at(8, scope, 0.01, WIDE));
    let (mut rows, records) = split(scopes.into());
    let both = undecided(&rows, &records);
    // The CPU's run counts for both scopes: three samples a round, in the same rounds.
    assert_eq!(both.len(), 2);
    assert!((until_decided_seconds(&both) - PREPARED_S - both[0].rounds * 0.06).abs() < 1e-9);
    // A point of another sweep is the same comparison.
    rows.push(SummaryRow { axis: "m".into(), ..rows[0].clone() });
    assert_eq!(undecided(&rows, &records).len(), 2);
    let apart = vec![at(8, Scope::Compute, 0.01, WIDE), at(16, Scope::Compute, 0.01, WIDE)];
    let (rows, records) = split(apart);
    let two = undecided(&rows, &records);
    assert!((until_decided_seconds(&two) - 2.0 * (PREPARED_S + two[0].seconds)).abs() < 1e-9);
}

#[test]
fn only_what_is_asked_is_counted() {
    let (mut rows, mut records) = split(vec![at(8, Scope::Compute, 0.01, WIDE)]);
    records[1].note("outpaced");
    assert!(undecided(&rows, &records).is_empty());
    records[1].notes.clear();
    rows[0].baseline = Baseline::Own;
    assert!(undecided(&rows, &records).is_empty());
    let decided = at(8, Scope::Compute, 0.01, (1.5, 2.0, 2.5));
    let noisy = at(16, Scope::Compute, 0.01, WIDE);
    let noisy = (SummaryRow { verdict: Verdict::None, ..noisy.0 }, noisy.1);
    let (rows, records) = split(vec![decided, noisy]);
    assert!(undecided(&rows, &records).is_empty());
}
