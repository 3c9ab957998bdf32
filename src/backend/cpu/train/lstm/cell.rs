//! The cell: gates and states of some units at once.
//!
//! With z the gates' inputs and c' the c of the step before (Hochreiter and Schmidhuber, Long Short-Term
//! Memory, 1997, with the forget gate of Gers et al., 2000):
//!
//! ```text
//! i, f, o = sigmoid(z_i), sigmoid(z_f), sigmoid(z_o)      g = tanh(z_g)
//! c = f c' + i g                                          h = o tanh(c)
//! ```
//!
//! Backwards, where the first term of dc comes from the step that follows:
//!
//! ```text
//! dc = dc + dh o (1 - tanh(c)^2)      dc' = dc f
//! dz_i = dc g i (1 - i)               dz_f = dc c' f (1 - f)
//! dz_g = dc i (1 - g^2)               dz_o = dh tanh(c) o (1 - o)
//! ```

use super::super::math::{sigmoid, tanh};
use super::GATES;
use crate::backend::cpu::simd::{MOST_LANES, Vector};

/// As many numbers as the longest vector holds; the first `LANES` count.
pub(super) type Lanes = [f32; MOST_LANES];

/// The first numbers of a slice, zeros behind it.
#[inline(always)]
pub(super) fn take<V: Vector>(from: &[f32]) -> Lanes {
    let mut lanes = [0.0; MOST_LANES];
    // Of a whole vector the length is known: moves, no call.
    match from.len() >= V::LANES {
        true => lanes[..V::LANES].copy_from_slice(&from[..V::LANES]),
        false => lanes[..from.len()].copy_from_slice(from),
    }
    lanes
}

/// Writes as many as the slice holds.
#[inline(always)]
pub(super) fn put<V: Vector>(lanes: &Lanes, to: &mut [f32]) {
    match to.len() >= V::LANES {
        true => to[..V::LANES].copy_from_slice(&lanes[..V::LANES]),
        false => to.copy_from_slice(&lanes[..to.len()]),
    }
}

/// Some units of a step: gates i f g o, cell c, tanh c and hidden state h.
#[derive(Default)]
pub(super) struct Cell {
    pub(super) gates: [Lanes; GATES],
    pub(super) cell: Lanes,
    pub(super) tanh: Lanes,
    pub(super) hidden: Lanes,
}

impl Cell {
    /// From the gates' shares of x, `z`, those of the previous h, `sums` (gate after gate, a vector each), and
    /// the previous c.
    #[inline(always)]
    pub(super) fn new<V: Vector>(z: [Lanes; GATES], sums: &[f32], prev_cell: Lanes) -> Cell {
        let sums: [&[f32]; GATES] = std::array::from_fn(|g| &sums[g * V::LANES..][..V::LANES]);
        let mut new = Cell::default();
        for j in 0..V::LANES {
            new.gates[0][j] = sigmoid(z[0][j] + sums[0][j]);
            new.gates[1][j] = sigmoid(z[1][j] + sums[1][j]);
            new.gates[2][j] = tanh(z[2][j] + sums[2][j]);
            new.gates[3][j] = sigmoid(z[3][j] + sums[3][j]);
        }
        for (j, prev_cell) in prev_cell.iter().enumerate().take(V::LANES) {
            new.cell[j] = new.gates[1][j] * prev_cell + new.gates[0][j] * new.gates[2][j];
            new.tanh[j] = tanh(new.cell[j]);
            new.hidden[j] = new.gates[3][j] * new.tanh[j];
        }
        new
    }
}

/// Some units of a step on the way back: its gates and tanh c, the previous c, and the gradients of h and, from
/// the step that follows, of c.
pub(super) struct Backward {
    pub(super) gates: [Lanes; GATES],
    pub(super) tanh: Lanes,
    pub(super) prev_cell: Lanes,
    pub(super) dh: Lanes,
    pub(super) dc: Lanes,
}

impl Backward {
    /// The gradients of what went into the gates, before sigmoid and tanh, and of the previous c.
    #[inline(always)]
    pub(super) fn gradients<V: Vector>(&self) -> ([Lanes; GATES], Lanes) {
        let [i, f, g, o] = &self.gates;
        let (mut dz, mut dc_prev) = ([Lanes::default(); GATES], Lanes::default());
        for j in 0..V::LANES {
            let (dh, tanh) = (self.dh[j], self.tanh[j]);
            let dc = self.dc[j] + dh * o[j] * (1.0 - tanh * tanh);
            dz[0][j] = dc * g[j] * i[j] * (1.0 - i[j]);
            dz[1][j] = dc * self.prev_cell[j] * f[j] * (1.0 - f[j]);
            dz[2][j] = dc * i[j] * (1.0 - g[j] * g[j]);
            dz[3][j] = dh * tanh * o[j] * (1.0 - o[j]);
            dc_prev[j] = dc * f[j];
        }
        (dz, dc_prev)
    }
}
