//! Seconds, FLOP/s and bytes/s for people. Files keep SI numbers; only this module formats.

use std::time::Duration;

/// So many seconds as a time to wait or to show, wherever the number comes from: nothing where it is no time,
/// and the longest there is where it is beyond that.
pub fn duration(seconds: f64) -> Duration {
    // The larger of zero and what is no number is zero.
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX)
}

/// `1.23 ms`, three significant digits.
pub fn seconds(value: f64) -> String {
    scaled(value, "s", &[(1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n")])
}

/// `205 GFLOP/s`, three significant digits.
pub fn flop_per_s(value: f64) -> String {
    large(value, "FLOP/s")
}

/// `34.1 GB/s`; GB is 1e9.
pub fn bytes_per_s(value: f64) -> String {
    large(value, "B/s")
}

/// What was computed in a second, or moved where next to nothing is computed; empty where neither was.
pub fn rate(flop_count: u64, bytes_moved: u64, seconds: f64) -> String {
    match (flop_count, bytes_moved) {
        (0, 0) => String::new(),
        (flop, bytes) if flop <= bytes / 4 => bytes_per_s(bytes as f64 / seconds),
        (flop, _) => flop_per_s(flop as f64 / seconds),
    }
}

/// `16.8 MB`; MB is 1e6.
pub fn bytes(value: f64) -> String {
    large(value, "B")
}

/// `2.15 GFLOP`, a count.
pub fn flop(value: f64) -> String {
    large(value, "FLOP")
}

/// `31×`, three significant digits.
pub fn ratio(value: f64) -> String {
    format!("{}×", significant(value))
}

/// `1.05 M`, a count.
pub fn count(value: f64) -> String {
    large(value, "").trim_end().to_string()
}

fn large(value: f64, unit: &str) -> String {
    scaled(value, unit, &[(1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, "")])
}

/// Picks the first prefix that leaves at least 1, else the last.
fn scaled(value: f64, unit: &str, prefixes: &[(f64, &str)]) -> String {
    if !value.is_finite() {
        return "-".to_string();
    }
    let last = prefixes[prefixes.len() - 1];
    // 0.9995 would round up to 1000 of the smaller unit.
    let (scale, prefix) =
        prefixes.iter().copied().find(|(scale, _)| value.abs() >= 0.9995 * scale).unwrap_or(last);
    format!("{} {prefix}{unit}", significant(value / scale))
}

/// Three significant digits, without an exponent up to a million; no trailing noise.
pub fn significant(value: f64) -> String {
    let size = value.abs();
    if size >= 999_999.5 {
        format!("{value:.2e}")
    } else if size >= 99.95 {
        format!("{value:.0}")
    } else if size >= 9.995 {
        format!("{value:.1}")
    } else if size >= 0.9995 || size == 0.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.3}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_seconds_is_a_duration() {
        assert_eq!(duration(1.5), Duration::from_millis(1500));
        for none in [0.0, -1.0, f64::NAN, f64::NEG_INFINITY, 1e-300] {
            assert_eq!(duration(none), Duration::ZERO, "{none}");
        }
        for endless in [1e20, 1.8e18 * 20.0, f64::INFINITY] {
            assert_eq!(duration(endless), Duration::MAX, "{endless}");
        }
    }

    #[test]
    fn three_digits_and_a_prefix() {
        assert_eq!(seconds(0.001234), "1.23 ms");
        assert_eq!(seconds(2.0e-10), "0.200 ns");
        assert_eq!(seconds(0.99999), "1.00 s");
        assert_eq!(flop_per_s(205.4e9), "205 GFLOP/s");
        assert_eq!(bytes_per_s(9.996e9), "10.0 GB/s");
        assert_eq!(bytes(999.9e3), "1.00 MB");
        assert_eq!(ratio(31.04), "31.0×");
        assert_eq!(flop(0.0), "0.00 FLOP");
        assert_eq!((count(1_050_624.0).as_str(), count(640.0).as_str()), ("1.05 M", "640"));
        assert_eq!(seconds(f64::NAN), "-");
        assert_eq!(seconds(86_400.0), "86400 s");
        assert_eq!((seconds(1e300).as_str(), ratio(2.5e6).as_str()), ("1.00e300 s", "2.50e6×"));
        assert_eq!(flop(3e30), "3.00e15 PFLOP");
    }
}
