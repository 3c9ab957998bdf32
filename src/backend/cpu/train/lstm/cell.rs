//! The cell: gates and states of some units at once.

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

/// Some units of a step: gates i f g o, cell, its tanh, hidden state. On the way back: the gates'
/// gradients and the cell's, which comes from the step behind; `hidden` is the gradient of h.
#[derive(Default)]
pub(super) struct Cell {
    pub(super) gates: [Lanes; GATES],
    pub(super) cell: Lanes,
    pub(super) tanh: Lanes,
    pub(super) hidden: Lanes,
}

impl Cell {
    /// From what came in from x, the recurrent sums, gate after gate, and the cell before.
    #[inline(always)]
    pub(super) fn forward<V: Vector>(z: [Lanes; GATES], sums: &[f32], before: Lanes) -> Cell {
        let sums: [&[f32]; GATES] = std::array::from_fn(|g| &sums[g * V::LANES..][..V::LANES]);
        let mut new = Cell::default();
        for j in 0..V::LANES {
            new.gates[0][j] = sigmoid(z[0][j] + sums[0][j]);
            new.gates[1][j] = sigmoid(z[1][j] + sums[1][j]);
            new.gates[2][j] = tanh(z[2][j] + sums[2][j]);
            new.gates[3][j] = sigmoid(z[3][j] + sums[3][j]);
        }
        for (j, before) in before.iter().enumerate().take(V::LANES) {
            new.cell[j] = new.gates[1][j] * before + new.gates[0][j] * new.gates[2][j];
            new.tanh[j] = tanh(new.cell[j]);
            new.hidden[j] = new.gates[3][j] * new.tanh[j];
        }
        new
    }

    /// Gradients of what went into the gates, and of the cell before.
    #[inline(always)]
    pub(super) fn backward<V: Vector>(&self, before: Lanes) -> Cell {
        let [i, f, g, o] = &self.gates;
        let mut back = Cell::default();
        for j in 0..V::LANES {
            let (dh, tanh) = (self.hidden[j], self.tanh[j]);
            let dcell = self.cell[j] + dh * o[j] * (1.0 - tanh * tanh);
            back.gates[0][j] = dcell * g[j] * i[j] * (1.0 - i[j]);
            back.gates[1][j] = dcell * before[j] * f[j] * (1.0 - f[j]);
            back.gates[2][j] = dcell * i[j] * (1.0 - g[j] * g[j]);
            back.gates[3][j] = dh * tanh * o[j] * (1.0 - o[j]);
            back.cell[j] = dcell * f[j];
        }
        back
    }
}
