//! Times that others have published, drawn as faint context where they are asked for. They decide nothing.
//!
//! `deepbench.csv`: milliseconds of DeepBench's training sheets in f32 (Baidu, results/train, 2016-2019), its
//! column-major products turned into row-major ones. Hot caches, the fastest algorithm of the vendor's library
//! (a convolution may be one by Winograd), the mean of many runs, unverified.

use std::sync::LazyLock;

use crate::error::{Error, Result, did_you_mean};
use crate::record;

const DEEPBENCH: &str = include_str!("deepbench.csv");

/// Processors of the table, with the software that its authors name.
const SOFTWARE: [(&str, &str); 11] = [
    ("KNL 7250", "MKL 2017"),
    ("Titan X (Maxwell)", "CUDA 7.5"),
    ("M40", "CUDA 7.5"),
    ("P100", "CUDA 8"),
    ("1080 Ti", "CUDA 8"),
    ("Titan X (Pascal)", "cuBLAS and cuDNN"),
    ("Titan Xp", "cuBLAS and cuDNN"),
    ("V100", "CUDA 10.1"),
    ("T4", "CUDA 10.1"),
    ("MI25", "ROCm 1.7"),
    ("Vega FE", "ROCm 1.7"),
];

/// Most processors in a chart: their marks differ by shape alone.
const MOST: usize = 6;

/// Processors by their names, each once.
///
/// # Errors
/// Nothing is published of one, or there are too many to be told apart.
pub fn by_name(names: &[String]) -> Result<Vec<Published>> {
    let named = names.iter().map(|name| Published::named(name)).collect::<Result<Vec<_>>>()?;
    let found = record::distinct(named);
    match found.len() {
        ..=MOST => Ok(found),
        n => Err(Error::usage(format!("--published takes up to {MOST} processors, not {n}"))),
    }
}

/// A processor with published times.
#[derive(Clone, Debug, PartialEq)]
pub struct Published {
    /// Its name.
    pub processor: &'static str,
    /// Libraries that were measured.
    pub software: &'static str,
    column: usize,
}

impl Published {
    /// A processor by its name, however it is spaced and cased.
    ///
    /// # Errors
    /// Nothing is published of it; the error lists what is.
    fn named(name: &str) -> Result<Published> {
        let plain = |text: &str| -> String {
            text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase()
        };
        let found = SOFTWARE.iter().position(|(known, _)| plain(known) == plain(name));
        let column = found.ok_or_else(|| {
            let names = SOFTWARE.map(|(known, _)| known);
            let hint = did_you_mean(name, names);
            let names = names.join(", ");
            Error::usage(format!("no times of '{name}' are published; there is {names}{hint}"))
        })?;
        let (processor, software) = SOFTWARE[column];
        Ok(Published { processor, software, column })
    }

    /// Seconds of one run; none where nothing is published of it.
    pub fn seconds(&self, workload: &str, shape: &str) -> Option<f64> {
        let line = LINES.iter().find(|line| line.workload == workload && line.shape == shape)?;
        line.seconds[self.column]
    }
}

struct Line {
    workload: String,
    shape: String,
    seconds: Vec<Option<f64>>,
}

static LINES: LazyLock<Vec<Line>> = LazyLock::new(|| {
    let mut reader = csv::Reader::from_reader(DEEPBENCH.as_bytes());
    let line = |record: csv::StringRecord| Line {
        workload: record[0].to_string(),
        shape: record[1].to_string(),
        seconds: record.iter().skip(2).map(|ms| Some(ms.parse::<f64>().ok()? / 1e3)).collect(),
    };
    reader.records().map(|r| line(r.expect("the embedded table is one"))).collect()
});

#[cfg(test)]
mod tests;
