//! One step for the units of a panel and some rows: a tile of the recurrent product, and the cell on its
//! sums while they are at hand.

use super::GATES;
use super::cell::{self, Cell, Lanes, put, take};
use super::tile::{MOST_ROWS, Tile, multiply_rows, tiles};
use crate::backend::cpu::share::Each;
use crate::backend::cpu::simd::{MOST_LANES, Routine, Vector};

/// A step forwards for the units of one panel and some rows of the batch.
///
/// To run it is safe where the CPU has the vector's instructions and nothing else refers to these units of
/// these rows in what is shared.
pub(super) struct Forward<'a> {
    /// Recurrent weights, `[hidden][4 gates][LANES]`.
    pub(super) panel: &'a [f32],
    /// h and c of the step before, (batch, hidden); none at the first step.
    pub(super) prev_hiddens: Option<&'a [f32]>,
    pub(super) prev_cells: Option<&'a [f32]>,
    /// (batch, 4 hidden): the gates' shares of x, in whose place come the gates.
    pub(super) gates: &'a Each<'a, f32>,
    /// c, tanh c and h, (batch, hidden).
    pub(super) cells: &'a Each<'a, f32>,
    pub(super) tanhs: &'a Each<'a, f32>,
    pub(super) hiddens: &'a Each<'a, f32>,
    /// The panel's first unit.
    pub(super) unit: usize,
    /// First row, and the one behind the last.
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
            if let Some(prev_hiddens) = self.prev_hiddens {
                let (a, panel) = (&prev_hiddens[row * h..], self.panel);
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
                let prev_cell = self.prev_cells.map(|cells| take::<V>(&cells[at..at + units]));
                let cell = Cell::new::<V>(z, sums, prev_cell.unwrap_or_default());
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

/// A step backwards for four vectors of units and some rows of the batch.
///
/// To run it is safe where the CPU has the vector's instructions and nothing else refers to these units of
/// these rows in what is shared.
pub(super) struct Backward<'a> {
    /// Recurrent weights, `[4 hidden][4 LANES units]`.
    pub(super) panel: &'a [f32],
    /// dz of the step that follows, (batch, 4 hidden); none at the last step.
    pub(super) next_dz: Option<&'a [f32]>,
    /// dh of the last step, (batch, hidden).
    pub(super) dy: &'a [f32],
    /// (batch, 4 hidden): the gates, in whose place comes dz.
    pub(super) gates: &'a Each<'a, f32>,
    /// (batch, hidden): dc from the step that follows, in whose place comes that for the step before.
    pub(super) dc: &'a Each<'a, f32>,
    /// (batch, hidden).
    pub(super) tanhs: &'a [f32],
    /// c of the step before, (batch, hidden); none at the first step.
    pub(super) prev_cells: Option<&'a [f32]>,
    /// The panel's first unit.
    pub(super) unit: usize,
    /// First row, and the one behind the last.
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
            match self.next_dz {
                Some(next_dz) => {
                    let (a, a_row, panel) = (&next_dz[row * GATES * h..], GATES * h, self.panel);
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
                    let dc = unsafe { self.dc.part(at, units) };
                    let prev_cell = self.prev_cells.map(|cells| take::<V>(&cells[at..at + units]));
                    let back = cell::Backward {
                        gates: std::array::from_fn(|g| take::<V>(gate(g))),
                        tanh: take::<V>(&self.tanhs[at..at + units]),
                        prev_cell: prev_cell.unwrap_or_default(),
                        dh: take::<V>(dh),
                        dc: take::<V>(dc),
                    };
                    let (dz, dc_prev) = back.gradients::<V>();
                    (0..GATES).for_each(|g| put::<V>(&dz[g], gate(g)));
                    put::<V>(&dc_prev, dc);
                }
            }
        }
    }
}
