//! Classes of shapes that are tuned apart.

use crate::terms::Conv;
use crate::workload::Pass;

/// Of products: sides of c that leave most of a tile idle, sizes at which tiles are few, the rest. A
/// transposed a is packed another way.
pub fn gemm(m: usize, n: usize, ta: usize) -> &'static str {
    match () {
        () if ta == 1 => "transposed-a",
        () if m.min(n) <= 64 => "thin",
        () if m * n <= 512 * 512 => "small",
        () => "large",
    }
}

/// Of convolutions: filters of one tap, and others; those with so few rows in the product that other
/// tiles serve them apart.
pub fn conv(pass: Pass, conv: &Conv, is_narrow: bool) -> String {
    let taps = if conv.r * conv.s == 1 { "1x1" } else { "taps" };
    let narrow = if is_narrow { "-narrow" } else { "" };
    format!("{}-{taps}{narrow}", pass.name())
}

/// Of streams: what fits into a cache, and sums.
pub fn stream(is_sum: bool, in_cache: bool) -> &'static str {
    match (is_sum, in_cache) {
        (false, false) => "memory",
        (false, true) => "cache",
        (true, false) => "sum-memory",
        (true, true) => "sum-cache",
    }
}

/// Of rows: those that a few work-items have done at once, and others.
pub fn rows(width: usize) -> &'static str {
    if width <= 256 { "narrow" } else { "wide" }
}

/// Of the images of a batch norm: those whose rows, or halves of them, fill no vector of 16, and others.
pub fn channels(width: usize) -> &'static str {
    if width < 32 { "narrow" } else { "wide" }
}
