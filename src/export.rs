//! The times of a run in the formats that continuous benchmarking takes.
//!
//! | format | read by |
//! | --- | --- |
//! | Bencher Metric Format | Bencher (<https://bencher.dev/docs/reference/bencher-metric-format/>) |
//! | `customSmallerIsBetter` | github-action-benchmark |
//!
//! Both tell benchmarks of several runs apart by their names alone: what a row is about, and nothing that changes
//! from run to run.

use serde_json::{Map, Value, json};

use crate::record::Record;
use crate::terms::Keyed;

/// `gemm/m=512,n=512,k=512,ta=0,tb=0/opencl:0,packed,compute`, see [`RowKey::words`](crate::terms::RowKey::words).
fn name(record: &Record) -> String {
    let parts = [record.workload.as_str(), &record.shape, &record.key().words()];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
}

/// The median of a row that counts with the ends of its interval, in units of which a second has so many.
fn times(record: &Record, in_a_second: f64) -> Option<[f64; 3]> {
    let median = record.wall_median_s.filter(|s| record.counts() && s.is_finite())?;
    let end = |s: Option<f64>| s.filter(|s| s.is_finite()).unwrap_or(median);
    Some([median, end(record.wall_low_s), end(record.wall_high_s)].map(|s| s * in_a_second))
}

/// Bencher Metric Format: the measure `latency` in nanoseconds with its 95 % interval, and the rates that a row has.
pub fn bmf(records: &[Record]) -> Value {
    let metric = |[value, low, high]: [f64; 3]| json!({ "value": value, "lower_value": low, "upper_value": high });
    let mut benchmarks = Map::new();
    for record in records {
        let Some(latency) = times(record, 1e9) else { continue };
        let [seconds, low, high] = latency.map(|ns| ns * 1e-9);
        let rate = |amount: u64| {
            let amount = amount as f64;
            (amount > 0.0).then(|| metric([amount / seconds, amount / high, amount / low]))
        };
        let mut measures = Map::new();
        measures.insert("latency".into(), metric(latency));
        for (measure, amount) in
            [("flop-per-s", record.flop_count), ("bytes-per-s", record.bytes_moved)]
        {
            measures.extend(rate(amount).map(|metric| (measure.to_string(), metric)));
        }
        benchmarks.insert(name(record), measures.into());
    }
    benchmarks.into()
}

/// The list of github-action-benchmark's `customSmallerIsBetter`: microseconds, with half their interval.
pub fn github(records: &[Record]) -> Value {
    let entry = |record: &Record| {
        let [median, low, high] = times(record, 1e6)?;
        Some(json!({
            "name": name(record),
            "unit": "us",
            "value": median,
            "range": format!("± {}", (high - low) / 2.0),
            "extra": record.device_name,
        }))
    };
    records.iter().filter_map(entry).collect::<Vec<_>>().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Outcome;
    use crate::terms::{Cache, Dtype, Scope};

    fn rows() -> Vec<Record> {
        let row = Record {
            wall_median_s: Some(2e-3),
            wall_low_s: Some(1.9e-3),
            wall_high_s: Some(2.2e-3),
            flop_count: 4_000_000,
            bytes_moved: 0,
            ..Record::example()
        };
        let moved = Record { scope: Scope::EndToEnd, cache: Cache::Cold, ..row.clone() };
        let bf16 = Record { dtype: Dtype::Bf16, ..row.clone() };
        let failed =
            Record { outcome: Outcome::Failed, implementation: "other".into(), ..row.clone() };
        vec![row, moved, bf16, failed]
    }

    #[test]
    fn every_row_that_counts_has_a_name_of_its_own() {
        let rows = rows();
        let Value::Object(all) = bmf(&rows) else { panic!("no object") };
        assert_eq!(all.len(), 3, "a failed row has no time");
        let (place, how) =
            name(&rows[0]).rsplit_once('/').map(|(a, b)| (a.to_string(), b.to_string())).unwrap();
        assert!(place.starts_with(&rows[0].workload) && place.ends_with(&rows[0].shape), "{place}");
        assert!(how.ends_with(",compute"), "{how}");
        assert!(name(&rows[1]).ends_with(",end_to_end,cold"));
        assert!(name(&rows[2]).ends_with(",compute,bf16"));
    }

    /// As the schema of Bencher's format has it: each measure a value, with bounds on both sides of it.
    #[test]
    fn bencher_is_told_times_in_nanoseconds_and_rates() {
        let rows = rows();
        let all = bmf(&rows);
        let one = &all[name(&rows[0])];
        let number = |measure: &str, field: &str| one[measure][field].as_f64().unwrap();
        let is_near = |a: f64, b: f64| (a / b - 1.0).abs() < 1e-9;
        assert!(is_near(number("latency", "value"), 2e6), "{one}");
        assert!(is_near(number("latency", "lower_value"), 1.9e6));
        assert!(is_near(number("latency", "upper_value"), 2.2e6));
        assert!(is_near(number("flop-per-s", "value"), 2e9));
        assert!(
            number("flop-per-s", "lower_value") < 2e9 && number("flop-per-s", "upper_value") > 2e9
        );
        assert!(one.get("bytes-per-s").is_none(), "nothing is counted");
    }

    #[test]
    fn github_is_told_a_list_of_microseconds() {
        let Value::Array(list) = github(&rows()) else { panic!("no list") };
        assert_eq!(list.len(), 3);
        for entry in &list {
            assert_eq!(entry["unit"], "us");
            assert!((entry["value"].as_f64().unwrap() - 2000.0).abs() < 1e-6);
            let range = entry["range"].as_str().unwrap().strip_prefix("± ").unwrap();
            assert!((range.parse::<f64>().unwrap() - 150.0).abs() < 1e-6, "{range}");
            assert!(entry["name"].is_string() && entry["extra"].is_string());
        }
    }
}
