//! Softmax over rows: the largest element is looked for first, exponentials are computed once, and kept in
//! the caches until their sum is known.

use super::Pool;
use super::rows::{self, CHUNK, Function, Out};
use super::simd::Vector;
use super::train::{math, sums};
use crate::terms::Shape;

/// y = exp(x - most) / sum of exp(x - most), row by row.
pub fn native(pool: &Pool, shape: &Shape, inputs: &[Vec<f32>], out: &mut [f32]) {
    rows::each(pool, shape, &inputs[0], out, &Softmax);
}

struct Softmax;

impl Function for Softmax {
    #[inline(always)]
    unsafe fn row<V: Vector>(&self, x: &[f32], scratch: &mut [f32], out: Out<'_>) {
        let most = sums::max(x);
        let scale = (1.0 / exponentials::<V>(x, most, scratch, &out)) as f32;
        // SAFETY: the caller's.
        unsafe { out.write::<V, 1>([scratch], |[e]| e * scale) };
    }
}

/// Writes exp(x - most), and returns the sum of it: in single precision within a chunk's place, then in
/// double.
#[inline(always)]
fn exponentials<V: Vector>(x: &[f32], most: f32, to: &mut [f32], out: &Out<'_>) -> f64 {
    let exp = |x| if V::HAS_FMA { math::exp_by::<true>(x) } else { math::exp(x) };
    let mut lanes = [0.0f32; CHUNK];
    let (chunks, rest) = x.as_chunks::<CHUNK>();
    let (to_chunks, to_rest) = to.as_chunks_mut::<CHUNK>();
    for (i, (x, to)) in chunks.iter().zip(to_chunks).enumerate() {
        out.ask_ahead(i * CHUNK);
        for ((x, to), lane) in x.iter().zip(to).zip(&mut lanes) {
            *to = exp(x - most);
            *lane += *to;
        }
    }
    let mut sum = 0.0;
    for (x, to) in rest.iter().zip(to_rest) {
        *to = exp(x - most);
        sum += f64::from(*to);
    }
    sum + lanes.iter().map(|lane| f64::from(*lane)).sum::<f64>()
}
