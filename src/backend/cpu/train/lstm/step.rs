//! One step for the units of a panel and some rows: a tile of the recurrent product, and the cell on its
//! sums while they are at hand.

use super::super::tensors::Shared;
use super::GATES;
use super::cell::{Cell, Lanes, put, take};
use super::tile::{MOST_ROWS, Tile, multiply_rows, tiles};
use crate::backend::cpu::simd::{MOST_LANES, Routine, Vector};

/// A step forwards for the units of one panel and some rows.
pub(super) struct Forward<'a> {
    pub(super) panel: &'a [f32],
    /// The hidden state before, none at the first step.
    pub(super) before: Option<&'a [f32]>,
    pub(super) cells_before: Option<&'a [f32]>,
    pub(super) gates: &'a Shared<'a>,
    pub(super) cells: &'a Shared<'a>,
    pub(super) tanhs: &'a Shared<'a>,
    pub(super) hiddens: &'a Shared<'a>,
    /// First unit, rows.
    pub(super) unit: usize,
    pub(super) rows: (usize, usize),
    pub(super) hidden: usize,
    pub(super) most_rows: usize,
}

impl Routine for Forward<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let h = self.hidden;
        let units = V::LANES.min(h - self.unit);
        let mut sums = [[0.0; GATES * MOST_LANES]; MOST_ROWS];
        for (row, rows) in tiles(self.rows.0, self.rows.1, self.most_rows) {
            if let Some(before) = self.before {
                let (a, panel) = (&before[row * h..], self.panel);
                let mut tile = Tile { a, a_row: h, depth: h, panel, rows, sums: &mut sums };
                // SAFETY: the caller's.
                unsafe { multiply_rows::<V>(&mut tile) };
            }
            for (r, sums) in sums.iter().take(rows).enumerate() {
                let (row, at) = (row + r, (row + r) * h + self.unit);
                // SAFETY: these units of these rows are this task's alone.
                let gate = |gate| unsafe {
                    self.gates.part(row * GATES * h + gate * h + self.unit, units)
                };
                let z: [Lanes; GATES] = std::array::from_fn(|g| take::<V>(gate(g)));
                let before = self.cells_before.map(|cells| take::<V>(&cells[at..at + units]));
                let cell = Cell::forward::<V>(z, sums, before.unwrap_or_default());
                (0..GATES).for_each(|g| put::<V>(&cell.gates[g], gate(g)));
                for (all, values) in [
                    (self.cells, &cell.cell),
                    (self.tanhs, &cell.tanh),
                    (self.hiddens, &cell.hidden),
                ] {
                    // SAFETY: as above.
                    put::<V>(values, unsafe { all.part(at, units) });
                }
            }
        }
    }
}

/// A step backwards for four vectors of units and some rows.
pub(super) struct Backward<'a> {
    pub(super) panel: &'a [f32],
    /// Gradients of the gates of the step behind, none at the last.
    pub(super) behind: Option<&'a [f32]>,
    /// The gradient of h, at the last step.
    pub(super) dy: &'a [f32],
    pub(super) gates: &'a Shared<'a>,
    pub(super) dcell: &'a Shared<'a>,
    pub(super) tanhs: &'a [f32],
    pub(super) cells_before: Option<&'a [f32]>,
    pub(super) unit: usize,
    pub(super) rows: (usize, usize),
    pub(super) hidden: usize,
    pub(super) most_rows: usize,
}

impl Routine for Backward<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let h = self.hidden;
        let units = (GATES * V::LANES).min(h - self.unit);
        let mut sums = [[0.0; GATES * MOST_LANES]; MOST_ROWS];
        for (row, rows) in tiles(self.rows.0, self.rows.1, self.most_rows) {
            match self.behind {
                Some(behind) => {
                    let (a, a_row, panel) = (&behind[row * GATES * h..], GATES * h, self.panel);
                    let depth = GATES * h;
                    let mut tile = Tile { a, a_row, depth, panel, rows, sums: &mut sums };
                    // SAFETY: the caller's.
                    unsafe { multiply_rows::<V>(&mut tile) };
                }
                None => {
                    for (r, sums) in sums.iter_mut().take(rows).enumerate() {
                        let dy = &self.dy[(row + r) * h + self.unit..][..units];
                        sums[..units].copy_from_slice(dy);
                    }
                }
            }
            for (r, dh) in sums.iter().take(rows).enumerate() {
                for (v, dh) in dh.chunks_exact(V::LANES).take(units.div_ceil(V::LANES)).enumerate()
                {
                    let unit = self.unit + v * V::LANES;
                    let (row, at, units) = (row + r, (row + r) * h + unit, V::LANES.min(h - unit));
                    // SAFETY: these units of these rows are this task's alone.
                    let gate =
                        |gate| unsafe { self.gates.part(row * GATES * h + gate * h + unit, units) };
                    // SAFETY: as above.
                    let dcell = unsafe { self.dcell.part(at, units) };
                    let before = self.cells_before.map(|cells| take::<V>(&cells[at..at + units]));
                    let cell = Cell {
                        gates: std::array::from_fn(|g| take::<V>(gate(g))),
                        cell: take::<V>(dcell),
                        tanh: take::<V>(&self.tanhs[at..at + units]),
                        hidden: take::<V>(dh),
                    };
                    let back = cell.backward::<V>(before.unwrap_or_default());
                    (0..GATES).for_each(|g| put::<V>(&back.gates[g], gate(g)));
                    put::<V>(&back.cell, dcell);
                }
            }
        }
    }
}
