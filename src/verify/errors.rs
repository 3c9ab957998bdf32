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
    likely_squares: f64,
}

impl Errors {
    /// Takes in element `i`, which may be off by `bound`, and by `likely` on average: all errors together
    /// must be within all of that together, in the L2 norm.
    pub fn add(
        &mut self,
        i: usize,
        [found, value]: [f64; 2],
        bound: f64,
        likely: f64,
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
        self.likely_squares += likely * likely;
        Ok(())
    }

    /// Takes in the elements that another has seen.
    pub fn merge(&mut self, other: Errors) {
        self.worst = self.worst.max(other.worst);
        self.error_squares += other.error_squares;
        self.likely_squares += other.likely_squares;
    }

    /// The largest error over its bound, where all errors together are no more than is likely.
    pub fn largest_ratio(self) -> Result<f64> {
        // What a device may flush is nothing.
        let ratio = (self.error_squares / self.likely_squares.max(TINY)).sqrt();
        if ratio.is_nan() || ratio > 1.0 {
            let what = format!(
                "the result is less exact than its type: its errors together are {} what its \
                 roundings may come to",
                units::ratio(ratio)
            );
            return Err(Error::beyond(what, self.worst));
        }
        Ok(self.worst)
    }
}
