//! References that are kept from run to run: data are a function of workload, shape, dtype and seed alone, and
//! what they come to is one of the program.

use std::fs;
use std::ops::RangeInclusive;
use std::time::UNIX_EPOCH;

use crate::machine::Kept;
use crate::tensor::bytes;
use crate::terms::{Dtype, Shape};
use crate::workload::Workload;

/// All that is kept: enough for the networks of a preset.
const REFERENCES: Kept = Kept { kind: "references", most_files: 128, most_bytes: 384 << 20 };

/// More than this is not kept.
const MOST_BYTES: u64 = 96 << 20;

/// FLOP behind a byte from which on to read it is faster than to compute it anew.
const LEAST_FLOP_PER_BYTE: u64 = 48;

/// What numbers are of.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    pub workload: &'a dyn Workload,
    pub shape: &'a Shape,
    pub dtype: Dtype,
    pub seed: u64,
}

impl Subject<'_> {
    /// The numbers of a reference of this name, so many of them, of which there is a file or will be one, where that
    /// is worth it.
    pub fn numbers(
        &self,
        name: &str,
        counts: RangeInclusive<usize>,
        compute: impl FnOnce() -> Vec<f64>,
    ) -> Vec<f64> {
        let Subject { workload, shape, dtype, seed } = self;
        let Some(program) = program() else { return compute() };
        let key = format!(
            "crossover reference\n{program}\n{} {shape} {} {seed} {name} {counts:?}\n",
            workload.name(),
            dtype.name()
        );
        if let Some(found) = REFERENCES.read(&key).and_then(|content| of_bytes(&content, counts)) {
            return found;
        }
        let numbers = compute();
        let size = size_of_val(&numbers[..]) as u64;
        if size <= MOST_BYTES && workload.work(shape).flop_count >= LEAST_FLOP_PER_BYTE * size {
            REFERENCES.write(&key, bytes(&numbers));
        }
        numbers
    }
}

/// So many numbers as they lie in memory; none of another length.
fn of_bytes(content: &[u8], counts: RangeInclusive<usize>) -> Option<Vec<f64>> {
    let (numbers, rest) = content.as_chunks();
    let is_whole = rest.is_empty() && counts.contains(&numbers.len());
    is_whole.then(|| numbers.iter().map(|bytes| f64::from_ne_bytes(*bytes)).collect())
}

/// What tells this program from every other: another one may compute references in another way.
fn program() -> Option<String> {
    let file = fs::metadata(std::env::current_exe().ok()?).ok()?;
    let since = file.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    let revision = option_env!("CROSSOVER_GIT_REVISION").unwrap_or(env!("CARGO_PKG_VERSION"));
    Some(format!("{revision} {} {}", file.len(), since.as_nanos()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_that_were_computed() {
        let numbers = [1.5, -0.0, f64::MIN_POSITIVE, 1e300];
        assert_eq!(of_bytes(bytes(&numbers), 4..=4).as_deref(), Some(&numbers[..]));
        assert_eq!(of_bytes(bytes(&numbers), 0..=9).as_deref(), Some(&numbers[..]));
        assert_eq!(of_bytes(bytes(&numbers), 3..=3), None);
        assert_eq!(of_bytes(&bytes(&numbers)[..31], 4..=4), None);
        assert_eq!(of_bytes(&bytes(&numbers)[..31], 3..=3), None);
    }

    #[test]
    fn another_program_has_another_name() {
        let name = program().unwrap();
        assert_eq!(program().as_deref(), Some(&name[..]));
        assert!(name.split(' ').count() == 3, "{name}");
    }
}
