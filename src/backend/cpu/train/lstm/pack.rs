//! Packing of the recurrent weights.

use super::GATES;
use crate::backend::cpu::native::kernel::Sizes;
use crate::backend::cpu::simd::{Routine, Vector, transpose};

/// Copies recurrent weights (4 hidden, hidden) of some units to one panel: `[hidden][4 gates][LANES]` of
/// LANES units if `transposed`, else `[4 hidden][4 LANES]` of 4 LANES units. It lies as products want it, in
/// parts of NR columns. Panics unless the slices hold them.
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
        let part = self.to.len() / (width / V::NR);
        if !self.transposed {
            for (part, to) in self.to.chunks_exact_mut(part).enumerate() {
                let unit = (self.unit + part * V::NR).min(h);
                let units = V::NR.min(h - unit);
                for (to, row) in to.chunks_exact_mut(V::NR).zip(self.weights.chunks_exact(h)) {
                    to[..units].copy_from_slice(&row[unit..unit + units]);
                }
            }
            return;
        }
        let units = V::LANES.min(h - self.unit);
        for gate in 0..GATES {
            let rows = &self.weights[(gate * h + self.unit) * h..][..units * h];
            let column = gate * V::LANES;
            let to = &mut self.to[column / V::NR * part + column % V::NR..];
            for k in (0..h).step_by(V::LANES) {
                let columns = V::LANES.min(h - k);
                let to = &mut to[k * V::NR..][..(columns - 1) * V::NR + V::LANES];
                let (from, to) = ((rows[k..].as_ptr(), h), (to.as_mut_ptr(), V::NR));
                // SAFETY: inside the rows and inside the panel; instructions are the caller's.
                unsafe { transpose::<V>(from, (units, columns), to, 0) };
            }
        }
    }
}
