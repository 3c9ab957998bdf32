//! Packing of the recurrent weights.

use super::GATES;
use crate::backend::cpu::simd::{MOST_LANES, Routine, Vector};

/// Copies recurrent weights (4 hidden, hidden) of some units to one panel: `[hidden][4 gates][LANES]` of
/// LANES units if `transposed`, else `[4 hidden][4 LANES]` of 4 LANES units. Panics unless the slices hold
/// them.
pub(super) struct Pack<'a> {
    pub(super) weights: &'a [f32],
    pub(super) hidden: usize,
    /// The panel's first unit.
    pub(super) unit: usize,
    pub(super) transposed: bool,
    pub(super) to: &'a mut [f32],
}

impl Routine for Pack<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let (h, width) = (self.hidden, GATES * V::LANES);
        if !self.transposed {
            let units = width.min(h - self.unit);
            for (to, row) in self.to.chunks_exact_mut(width).zip(self.weights.chunks_exact(h)) {
                to[..units].copy_from_slice(&row[self.unit..self.unit + units]);
            }
            return;
        }
        let units = V::LANES.min(h - self.unit);
        let whole = if units == V::LANES { h / V::LANES * V::LANES } else { 0 };
        for gate in 0..GATES {
            let rows = &self.weights[(gate * h + self.unit) * h..][..units * h];
            for k in (0..whole).step_by(V::LANES) {
                // SAFETY: whole squares, inside the rows and inside the panel; instructions are the
                // caller's.
                unsafe {
                    let mut square = [V::splat(0.0); MOST_LANES];
                    for (r, vector) in square.iter_mut().take(V::LANES).enumerate() {
                        *vector = V::load(rows[r * h + k..][..V::LANES].as_ptr());
                    }
                    V::transpose(&mut square[..V::LANES]);
                    for (r, vector) in square.into_iter().take(V::LANES).enumerate() {
                        let to = &mut self.to[(k + r) * width + gate * V::LANES..][..V::LANES];
                        vector.store(to.as_mut_ptr());
                    }
                }
            }
            for (r, row) in rows.chunks_exact(h).enumerate() {
                for (k, weight) in row.iter().enumerate().skip(whole) {
                    self.to[k * width + gate * V::LANES + r] = *weight;
                }
            }
        }
    }
}
