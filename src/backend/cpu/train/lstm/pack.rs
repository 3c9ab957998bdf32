//! Packing of the recurrent weights.

use super::GATES;
use crate::backend::cpu::simd::{Routine, Vector, transpose};

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
        for gate in 0..GATES {
            let rows = &self.weights[(gate * h + self.unit) * h..][..units * h];
            for k in (0..h).step_by(V::LANES) {
                let columns = V::LANES.min(h - k);
                let to =
                    &mut self.to[k * width + gate * V::LANES..][..(columns - 1) * width + V::LANES];
                let (from, to) = ((rows[k..].as_ptr(), h), (to.as_mut_ptr(), width));
                // SAFETY: inside the rows and inside the panel; instructions are the caller's.
                unsafe { transpose::<V>(from, (units, columns), to, 0) };
            }
        }
    }
}
