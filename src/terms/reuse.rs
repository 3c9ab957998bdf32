//! From how many runs on the same data on a device is worth its transfers.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const NEVER: &str = "never";

/// Seconds of one of so many runs on the same data, between one upload and one download: those of a run with
/// operands resident, and a share of what transfers add to it. On the CPU nothing is moved.
pub fn reused_s(resident_s: f64, end_to_end_s: f64, uses: f64) -> f64 {
    // Where next to nothing is moved, the second may come out as the faster one.
    resident_s + (end_to_end_s - resident_s).max(0.0) / uses
}

/// How many runs on the same data take a device, with one transfer of them to it and one of the results back, as
/// long as they take the CPU.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub enum BreakEven {
    /// After so many; 1 where the first run is as fast.
    After(f64),
    /// However many there are: without any transfer it is no faster.
    Never,
}

impl BreakEven {
    /// From the ratio of what transfers take to what a run saves; infinite where it saves nothing.
    pub fn of(runs: f64) -> BreakEven {
        if runs.is_finite() { BreakEven::After(runs.max(1.0)) } else { BreakEven::Never }
    }
}

impl Serialize for BreakEven {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            BreakEven::After(runs) => serializer.serialize_f64(*runs),
            BreakEven::Never => serializer.serialize_str(NEVER),
        }
    }
}

impl<'de> Deserialize<'de> for BreakEven {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<BreakEven, D::Error> {
        deserializer.deserialize_any(Runs)
    }
}

struct Runs;

impl Visitor<'_> for Runs {
    type Value = BreakEven;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a number of runs from 1 on, or '{NEVER}'")
    }

    fn visit_f64<E: Error>(self, runs: f64) -> Result<BreakEven, E> {
        match runs.is_finite() && runs >= 1.0 {
            true => Ok(BreakEven::After(runs)),
            false => Err(E::custom(format!("{runs} is no number of runs"))),
        }
    }

    fn visit_u64<E: Error>(self, runs: u64) -> Result<BreakEven, E> {
        self.visit_f64(runs as f64)
    }

    fn visit_i64<E: Error>(self, runs: i64) -> Result<BreakEven, E> {
        self.visit_f64(runs as f64)
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<BreakEven, E> {
        match word {
            NEVER => Ok(BreakEven::Never),
            word => Err(E::custom(format!("'{word}' is no number of runs"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_break_even_comes_back_from_every_file() {
        let rows = [BreakEven::After(1.0), BreakEven::After(3.25), BreakEven::Never];
        for row in rows {
            let json = serde_json::to_string(&row).unwrap();
            assert_eq!(serde_json::from_str::<BreakEven>(&json).unwrap(), row, "{json}");
        }
        let mut writer = csv::Writer::from_writer(Vec::new());
        rows.iter().for_each(|row| writer.serialize((row, 1)).unwrap());
        let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
        assert_eq!(text, "1.0,1\n3.25,1\nnever,1\n");
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
        let back = reader.deserialize::<(BreakEven, u64)>().map(|row| row.unwrap().0);
        assert_eq!(back.collect::<Vec<_>>(), rows);
        for bad in ["0.5", "-3", "\"soon\"", "null", "\"\""] {
            assert!(serde_json::from_str::<BreakEven>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_saves_nothing_never_breaks_even() {
        assert_eq!(BreakEven::of(f64::INFINITY), BreakEven::Never);
        assert_eq!(BreakEven::of(0.2), BreakEven::After(1.0));
        assert!(BreakEven::After(1e9) < BreakEven::Never);
    }
}
