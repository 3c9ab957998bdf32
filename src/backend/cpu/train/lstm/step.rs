//! One step for the units of a panel and some rows: a tile of the recurrent product, and the cell on its
//! sums while they are at hand.

use std::ops::Range;

use super::GATES;
use super::cell::{self, Cell, Lanes, put, take};
use crate::backend::cpu::native::kernel::{self, Ahead, B, MOST_ROWS, Sizes, Tile};
use crate::backend::cpu::share::{Each, even_part};
use crate::backend::cpu::simd::{MOST_LANES, Routine, Vector};

/// What a task computes of a step: the units of one panel, for some rows of the batch.
pub(super) struct Share<'a> {
    /// Recurrent weights, see [`Pack`](super::pack::Pack).
    pub(super) panel: &'a [f32],
    /// The panel's first unit.
    pub(super) unit: usize,
    pub(super) rows: Range<usize>,
    pub(super) hidden: usize,
}

/// What a tile of rows has for each: room for four of the longest vectors, of which the first 4 LANES count.
type Sums = [[f32; GATES * MOST_LANES]; MOST_ROWS];

/// Some rows in even tiles.
fn tiles<V: Vector>(rows: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let tiles = rows.len().div_ceil(V::MR);
    (0..tiles).map(move |tile| {
        let part = even_part(rows.len(), tiles, tile);
        rows.start + part.start..rows.start + part.end
    })
}

/// Multiplies the first `rows` rows of a, of `depth` floats each, by the columns of a panel. Panics unless the
/// slices hold them.
///
/// # Safety
/// The CPU has the vector's instructions.
#[inline(always)]
unsafe fn multiply<V: Vector>(a: &[f32], rows: usize, depth: usize, panel: &[f32], to: &mut Sums) {
    let row = to[0].len();
    assert_eq!(panel.len(), GATES * V::LANES * depth, "a panel has as many columns as sums");
    let c = to.as_mut_ptr().cast::<f32>();
    for (q, part) in panel.chunks_exact(V::NR * depth).enumerate() {
        let tile = Tile {
            rows,
            columns: V::NR,
            k: depth,
            a,
            a_row: depth,
            a_column: 1,
            b: B::Packed(part),
            c: c.wrapping_add(q * V::NR),
            c_row: row,
            add: false,
            ahead: Ahead::NOTHING,
        };
        // SAFETY: the caller's; a row of sums has room for all parts of the panel.
        unsafe { kernel::multiply::<V>(tile) };
    }
}

/// A step forwards.
///
/// To run it is safe where the CPU has the vector's instructions and nothing else refers to these units of
/// these rows in what is shared.
pub(super) struct Forward<'a> {
    pub(super) share: Share<'a>,
    /// h and c of the step before, (batch, hidden); none at the first step.
    pub(super) prev: Option<[&'a [f32]; 2]>,
    /// (batch, 4 hidden): the gates' shares of x, in whose place come the gates.
    pub(super) gates: &'a Each<'a, f32>,
    /// c, tanh c and h, (batch, hidden).
    pub(super) states: &'a [Each<'a, f32>; 3],
}

impl Routine for Forward<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Share { panel, unit, rows, hidden: h } = self.share;
        let units = V::LANES.min(h - unit);
        let mut sums: Sums = [[0.0; GATES * MOST_LANES]; MOST_ROWS];
        for tile in tiles::<V>(rows) {
            if let Some([hiddens, _]) = self.prev {
                let a = &hiddens[tile.start * h..];
                // SAFETY: the caller's.
                unsafe { multiply::<V>(a, tile.len(), h, panel, &mut sums) };
            }
            for (row, sums) in tile.zip(&sums) {
                let at = row * h + unit;
                // SAFETY: these units of these rows are this task's alone.
                let gate =
                    |gate| unsafe { self.gates.part((row * GATES + gate) * h + unit, units) };
                let z: [Lanes; GATES] = std::array::from_fn(|g| take::<V>(gate(g)));
                let prev_cell = self.prev.map(|[_, cells]| take::<V>(&cells[at..at + units]));
                let cell = Cell::new::<V>(z, sums, prev_cell.unwrap_or_default());
                (0..GATES).for_each(|g| put::<V>(&cell.gates[g], gate(g)));
                let values = [&cell.cell, &cell.tanh, &cell.hidden];
                for (all, values) in self.states.iter().zip(values) {
                    // SAFETY: as above.
                    put::<V>(values, unsafe { all.part(at, units) });
                }
            }
        }
    }
}

/// A step backwards, for a panel of four vectors of units.
///
/// To run it is safe where [`Forward`] is.
pub(super) struct Backward<'a> {
    pub(super) share: Share<'a>,
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
}

impl Routine for Backward<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Share { panel, unit: first, rows, hidden: h } = self.share;
        let units = (GATES * V::LANES).min(h - first);
        let mut sums: Sums = [[0.0; GATES * MOST_LANES]; MOST_ROWS];
        for tile in tiles::<V>(rows) {
            match self.next_dz {
                Some(next_dz) => {
                    let a = &next_dz[tile.start * GATES * h..];
                    // SAFETY: the caller's.
                    unsafe { multiply::<V>(a, tile.len(), GATES * h, panel, &mut sums) };
                }
                None => {
                    for (row, sums) in tile.clone().zip(&mut sums) {
                        sums[..units].copy_from_slice(&self.dy[row * h + first..][..units]);
                    }
                }
            }
            for (row, dh) in tile.zip(&sums) {
                for (v, dh) in dh.chunks_exact(V::LANES).take(units.div_ceil(V::LANES)).enumerate()
                {
                    let unit = first + v * V::LANES;
                    let (at, units) = (row * h + unit, V::LANES.min(h - unit));
                    // SAFETY: these units of these rows are this task's alone.
                    let gate =
                        |gate| unsafe { self.gates.part((row * GATES + gate) * h + unit, units) };
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
