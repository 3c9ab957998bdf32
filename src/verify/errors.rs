//! Errors of the elements seen so far, against their bounds and all together.

use crate::error::{Error, Result};
use crate::units;

/// Smallest normal f32: a device may flush what lies below.
pub const TINY: f64 = f32::MIN_POSITIVE as f64;

/// See the module.
#[derive(Clone, Copy, Default)]
pub struct Errors {
    worst: f64,
    error_squares: f64,
    squares: f64,
}

impl Errors {
    /// Takes in element `i`, which may be off by `bound`. Its share in what all errors together are
    /// relative to is `magnitude`.
    pub fn add(
        &mut self,
        i: usize,
        [found, value]: [f64; 2],
        bound: f64,
        magnitude: f64,
    ) -> Result<()> {
        let error = (found - value).abs();
        let ratio = if error == 0.0 { 0.0 } else { error / bound };
        if ratio.is_nan() || ratio > 1.0 {
            let times = units::ratio(ratio);
            let what =
                format!("element {i} is {found:.9}, not {value:.9}: {times} its error bound");
            return Err(Error::beyond(what, ratio));
        }
        self.worst = self.worst.max(ratio);
        self.error_squares += error * error;
        self.squares += magnitude * magnitude;
        Ok(())
    }

    /// Takes in the elements that another has seen.
    pub fn merge(&mut self, other: Errors) {
        self.worst = self.worst.max(other.worst);
        self.error_squares += other.error_squares;
        self.squares += other.squares;
    }

    /// The largest error over its bound, where all errors together are within `allowed` in the relative L2
    /// norm.
    pub fn largest_ratio(self, allowed: f64) -> Result<f64> {
        let l2 = (self.error_squares / self.squares.max(TINY)).sqrt();
        if l2.is_nan() || l2 > allowed {
            let what = format!(
                "the result is less exact than its type: relative L2 error {l2:.1e}, at most \
                 {allowed:.1e}"
            );
            return Err(Error::beyond(what, self.worst));
        }
        Ok(self.worst)
    }
}
