//! The LSTM. One product brings the inputs of all steps; then each step multiplies the few rows of the
//! previous hidden state by recurrent weights that were packed once, and goes on to the gates of a tile while
//! its sums are in the first cache. Backwards likewise; the weights' gradients are single products at the end.
//!
//! With z_t (batch, 4 hidden) what goes into the gates of step t, and the cell in `cell.rs`:
//!
//! ```text
//! z_t = x_t weight_ih^T + bias_ih + h_{t-1} weight_hh^T + bias_hh
//! ```
//!
//! Backwards, from the last step, where dh is dy, to the first, with sums over steps:
//!
//! ```text
//! dh_{t-1} = dz_t weight_hh
//! dweight_ih = sum dz_t^T x_t      dweight_hh = sum dz_t^T h_{t-1}      dbias_ih = dbias_hh = sum dz_t
//! ```
//!
//! | file | holds |
//! | --- | --- |
//! | `mod.rs` | the layer: products, steps, and how a step is shared out |
//! | `step.rs` | one step for some units and rows |
//! | `cell.rs` | gates and states |
//! | `pack.rs` | recurrent weights in panels |

mod cell;
mod pack;
mod step;

use super::Computed;
use super::linear::sum_rows;
use super::tensors::Tensors;
use crate::backend::cpu::aligned::Aligned;
use crate::backend::cpu::native::{self, Product};
use crate::backend::cpu::share::{Each, even_part};
use crate::network;

use pack::Pack;
use step::{Backward, Forward, Share};

/// How many gates, and vectors of a row of a panel.
const GATES: usize = 4;

/// A prepared [`network::Lstm`], with what its backward pass needs of the forward pass.
pub struct Lstm {
    sizes: network::Lstm,
    /// (seq, batch, 4 hidden): the gates' shares of x, then the gates, and on the way back dz.
    gates: Aligned,
    /// c, tanh c and h, (seq, batch, hidden).
    cells: Aligned,
    tanhs: Aligned,
    hiddens: Aligned,
    /// On the way back, dc of a step, (batch, hidden).
    dc: Aligned,
    /// Recurrent weights, panel by panel ([`Pack`]). Forwards a panel has the four gates of as many units as
    /// a vector has lanes, backwards four vectors of units.
    packed: Aligned,
}

/// How a step is shared out: panels of units, and parts of the batch's rows for each panel.
#[derive(Clone, Copy)]
struct Grid {
    /// Units and floats of a panel.
    units: usize,
    floats: usize,
    panels: usize,
    parts: usize,
    batch: usize,
    hidden: usize,
}

impl Grid {
    /// How a step of this direction is shared out.
    fn new(l: &network::Lstm, t: &Tensors<'_>, forward: bool) -> Grid {
        let (hidden, lanes, batch) = (l.hidden, t.isa.lanes(), l.batch);
        let units = if forward { lanes } else { GATES * lanes };
        let panels = hidden.div_ceil(units);
        // An even number of tasks for every thread, where the rows allow it.
        let threads = t.pool.threads();
        let parts = (1..=batch.min(4 * threads))
            .find(|parts| (panels * parts).is_multiple_of(threads))
            .unwrap_or(1);
        Grid { units, floats: GATES * units * hidden, panels, parts, batch, hidden }
    }

    /// What a task computes of a step, by these packed weights.
    fn share<'a>(&self, task: usize, packed: &'a [f32]) -> Share<'a> {
        let (panel, part) = (task / self.parts, task % self.parts);
        Share {
            panel: &packed[panel * self.floats..][..self.floats],
            unit: panel * self.units,
            rows: even_part(self.batch, self.parts, part),
            hidden: self.hidden,
        }
    }
}

impl Lstm {
    pub fn new(sizes: network::Lstm, t: &Tensors<'_>) -> Lstm {
        let states = sizes.seq * sizes.batch * sizes.hidden;
        let zeros = || Aligned::zeros(states);
        let grids = [true, false].map(|forward| Grid::new(&sizes, t, forward));
        let [forward, backward] = grids.map(|grid| grid.panels * grid.floats);
        Lstm {
            sizes,
            gates: Aligned::zeros(GATES * states),
            cells: zeros(),
            tanhs: zeros(),
            hiddens: zeros(),
            dc: Aligned::zeros(sizes.batch * sizes.hidden),
            packed: Aligned::zeros(forward.max(backward)),
        }
    }

    /// Packs the recurrent weights for steps of this direction, and says how these are shared out.
    fn pack(&mut self, t: &Tensors<'_>, forward: bool) -> Grid {
        let grid = Grid::new(&self.sizes, t, forward);
        let (isa, hidden) = (t.isa, grid.hidden);
        let weights = t.parameters.get(self.sizes.weight_hh);
        let all = Each::new(&mut self.packed);
        t.pool.each(grid.panels, |panel| {
            // SAFETY: a task has its own panel.
            let to = unsafe { all.part(panel * grid.floats, grid.floats) };
            let unit = panel * grid.units;
            // SAFETY: instructions of this CPU.
            unsafe { isa.run(Pack { weights, hidden, unit, transposed: forward, to }) };
        });
        grid
    }
}

impl Computed for Lstm {
    fn forward(&mut self, t: &mut Tensors<'_>) {
        let l = self.sizes;
        let (h, step) = (l.hidden, l.batch * l.hidden);
        let isa = t.isa;
        let biases = (t.parameters.get(l.bias_ih), t.parameters.get(l.bias_hh));
        let finish = |_: usize, column: usize, piece: &mut [f32]| {
            let (a, b) = (&biases.0[column..], &biases.1[column..]);
            isa.vectorise(|| {
                piece.iter_mut().zip(a).zip(b).for_each(|((z, a), b)| *z += a + b);
            });
        };
        let product = Product::dense([l.seq * l.batch, GATES * h, h], false, true);
        let operands = (&t.values[l.x][..], t.parameters.get(l.weight_ih));
        native::multiply(isa, Some(t.pool), &product, operands, &mut self.gates, Some(&finish));
        let grid = self.pack(t, true);
        for time in 0..l.seq {
            let now = time * step;
            let (prev_cells, cells) = self.cells.split_at_mut(now);
            let (prev_hiddens, hiddens) = self.hiddens.split_at_mut(now);
            let prev = (time > 0).then(|| [&prev_hiddens[now - step..], &prev_cells[now - step..]]);
            let gates = Each::new(&mut self.gates[GATES * now..][..GATES * step]);
            let states = [cells, &mut self.tanhs[now..][..step], hiddens].map(Each::new);
            let packed = &self.packed;
            t.pool.each(grid.panels * grid.parts, |task| {
                let share = grid.share(task, packed);
                let work = Forward { share, prev, gates: &gates, states: &states };
                // SAFETY: instructions of this CPU; tasks differ in units or in rows.
                unsafe { isa.run(work) };
            });
        }
        t.values[l.y].copy_from_slice(&self.hiddens[(l.seq - 1) * step..]);
    }

    fn backward(&mut self, t: &mut Tensors<'_>) {
        let l = self.sizes;
        let (h, step) = (l.hidden, l.batch * l.hidden);
        let grid = self.pack(t, false);
        self.dc.fill(0.0);
        let (isa, dy) = (t.isa, t.gradient(l.y));
        for time in (0..l.seq).rev() {
            let now = time * step;
            let (gates, next_dz) = self.gates.split_at_mut(GATES * (now + step));
            let next_dz = (time + 1 < l.seq).then_some(&next_dz[..]);
            let gates = Each::new(&mut gates[GATES * now..]);
            let dc = Each::new(&mut self.dc);
            let prev_cells = (time > 0).then(|| &self.cells[now - step..now]);
            let (packed, tanhs) = (&self.packed, &self.tanhs[now..now + step]);
            t.pool.each(grid.panels * grid.parts, |task| {
                let share = grid.share(task, packed);
                let (gates, dc) = (&gates, &dc);
                let work = Backward { share, next_dz, dy, gates, dc, tanhs, prev_cells };
                // SAFETY: instructions of this CPU; tasks differ in units or in rows.
                unsafe { isa.run(work) };
            });
        }
        let dz = std::mem::take(&mut self.gates);
        let product = Product::dense([GATES * h, h, l.seq * l.batch], true, false);
        let dw = t.gradients.get_mut(l.weight_ih);
        native::multiply(t.isa, Some(t.pool), &product, (&dz, &t.values[l.x]), dw, None);
        // Before the first step h is zero.
        let product = Product { k: (l.seq - 1) * l.batch, ..product };
        let dw = t.gradients.get_mut(l.weight_hh);
        let operands = (&dz[GATES * step..], &self.hiddens[..]);
        native::multiply(t.isa, Some(t.pool), &product, operands, dw, None);
        sum_rows(t, &dz, l.bias_ih);
        let db = t.gradients.get(l.bias_ih).to_vec();
        t.gradients.get_mut(l.bias_hh).copy_from_slice(&db);
        self.gates = dz;
    }

    fn scratch_bytes(&self) -> u64 {
        4 * (self.packed.len() + self.tanhs.len() + self.dc.len()) as u64
    }
}
