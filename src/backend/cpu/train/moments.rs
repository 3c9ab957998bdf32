//! What the two norms know of the numbers that they normalise together.

use super::sums;

/// Their mean and 1 / sqrt(variance + eps).
#[derive(Clone, Copy, Default)]
pub struct Moments {
    pub mean: f32,
    pub inv_std: f32,
}

impl Moments {
    /// Those of a row: two passes, as the definition has it. To be inlined into vectorised work.
    #[inline(always)]
    pub fn of(x: &[f32], eps: f64) -> Moments {
        let n = x.len() as f64;
        let mean = (sums::of(x) / n) as f32;
        let squares = sums::sum([x], |[x]| (x - mean) * (x - mean));
        Moments::of_variance(mean, squares / n, eps)
    }

    /// Those of numbers with this mean and biased variance.
    #[inline(always)]
    pub fn of_variance(mean: f32, variance: f64, eps: f64) -> Moments {
        Moments { mean, inv_std: (1.0 / (variance + eps).sqrt()) as f32 }
    }

    /// A number of theirs, normalised: x_hat = (x - mean) inv_std.
    #[inline(always)]
    pub fn normalised(self, x: f32) -> f32 {
        (x - self.mean) * self.inv_std
    }
}
