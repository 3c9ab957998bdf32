//! What the two norms know of the numbers that they normalise together.

/// Their mean and 1 / sqrt(variance + eps).
#[derive(Clone, Copy, Default)]
pub struct Moments {
    pub mean: f32,
    pub inv_std: f32,
}

impl Moments {
    /// A number of theirs, normalised: x_hat = (x - mean) inv_std.
    #[inline(always)]
    pub fn normalised(self, x: f32) -> f32 {
        (x - self.mean) * self.inv_std
    }
}
