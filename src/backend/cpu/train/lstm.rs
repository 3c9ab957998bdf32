//! The LSTM. One product brings the inputs of all steps; then each step multiplies the few rows of the
//! last hidden state by recurrent weights that were packed once, and goes on to the gates of a tile while
//! its sums are in registers. Backwards likewise; the weights' gradients are single products at the end.

use super::Computed;
use super::linear::sum_rows;
use super::math::{sigmoid, tanh};
use super::tensors::{Shared, Tensors};
use crate::backend::cpu::aligned::Aligned;
use crate::backend::cpu::native::Product;
use crate::backend::cpu::simd::{Isa, Vector, Work};
use crate::network;

/// Gates, and vectors of a panel.
const GATES: usize = 4;

/// Most floats of a vector.
const MOST_LANES: usize = 16;

/// Most rows of a tile.
const MOST_ROWS: usize = 6;

/// See [`network::Lstm`].
pub struct Lstm {
    sizes: network::Lstm,
    /// (seq, batch, 4 hidden): gates; on the way back, the gradients of what goes into them.
    gates: Aligned,
    /// (seq, batch, hidden): the cell, tanh of it, and h.
    cells: Aligned,
    tanhs: Aligned,
    hiddens: Aligned,
    /// The cell's gradient (batch, hidden).
    dcell: Aligned,
    /// Recurrent weights, `[panel][k][4 vectors]`. Forwards a panel has the four gates of as many
    /// units as a vector has lanes, k is the last hidden state; backwards it has four vectors of
    /// units, k is the gates.
    packed: Aligned,
    isa: Isa,
    threads: usize,
}

/// As many numbers as the longest vector holds; the first `LANES` count.
type Lanes = [f32; MOST_LANES];

/// The first numbers of a slice, zeros behind it.
#[inline(always)]
fn take<V: Vector>(from: &[f32]) -> Lanes {
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
fn put<V: Vector>(lanes: &Lanes, to: &mut [f32]) {
    match to.len() >= V::LANES {
        true => to[..V::LANES].copy_from_slice(&lanes[..V::LANES]),
        false => to.copy_from_slice(&lanes[..to.len()]),
    }
}

/// Some units of a step: gates i f g o, cell, its tanh, hidden state. On the way back: the gates'
/// gradients and the cell's, which comes from the step behind; `hidden` is the gradient of h.
#[derive(Default)]
struct Cell {
    gates: [Lanes; GATES],
    cell: Lanes,
    tanh: Lanes,
    hidden: Lanes,
}

impl Cell {
    /// From what came in from x, the recurrent sums, gate after gate, and the cell before.
    #[inline(always)]
    fn forward<V: Vector>(z: [Lanes; GATES], sums: &[f32], before: Lanes) -> Cell {
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
    fn backward<V: Vector>(&self, before: Lanes) -> Cell {
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

/// A tile of a product: rows of a times a panel.
struct Tile<'a> {
    /// Rows, `a_row` apart, each `depth` long.
    a: &'a [f32],
    a_row: usize,
    depth: usize,
    panel: &'a [f32],
    rows: usize,
    /// Rows of `4 LANES` sums.
    sums: &'a mut [[f32; GATES * MOST_LANES]; MOST_ROWS],
}

/// Computes a tile of `ROWS` rows.
///
/// # Safety
/// The CPU has the vector's instructions.
#[inline(always)]
unsafe fn multiply<V: Vector, const ROWS: usize>(tile: &mut Tile<'_>) {
    let width = GATES * V::LANES;
    assert!((ROWS - 1) * tile.a_row + tile.depth <= tile.a.len());
    assert!(tile.depth * width <= tile.panel.len() && V::LANES <= MOST_LANES);
    // SAFETY: rows of a and of the panel lie inside, as just checked; a row of sums holds four of the
    // longest vectors.
    unsafe {
        let mut sums = [[V::splat(0.0); GATES]; ROWS];
        for k in 0..tile.depth {
            let b = tile.panel.as_ptr().add(k * width);
            let b: [V; GATES] = std::array::from_fn(|v| V::load(b.add(v * V::LANES)));
            for (row, sums) in sums.iter_mut().enumerate() {
                let a = V::splat(*tile.a.as_ptr().add(row * tile.a_row + k));
                for (sum, b) in sums.iter_mut().zip(b) {
                    *sum = sum.add_product(a, b);
                }
            }
        }
        for (to, sums) in tile.sums.iter_mut().zip(sums) {
            for (v, sum) in sums.into_iter().enumerate() {
                sum.store(to.as_mut_ptr().add(v * V::LANES));
            }
        }
    }
}

/// Computes a tile.
///
/// # Safety
/// The CPU has the vector's instructions.
#[inline(always)]
unsafe fn multiply_rows<V: Vector>(tile: &mut Tile<'_>) {
    // SAFETY: the caller's.
    unsafe {
        match tile.rows {
            1 => multiply::<V, 1>(tile),
            2 => multiply::<V, 2>(tile),
            3 => multiply::<V, 3>(tile),
            4 => multiply::<V, 4>(tile),
            5 => multiply::<V, 5>(tile),
            _ => multiply::<V, 6>(tile),
        }
    }
}

/// Rows of a tile, where the CPU holds so many vectors: sums of four vectors each and the panel's.
fn most_rows(isa: Isa) -> usize {
    if isa.registers() >= 32 { MOST_ROWS } else { MOST_ROWS / 2 }
}

/// Rows `start..end` in even tiles of at most `most`.
fn tiles(start: usize, end: usize, most: usize) -> impl Iterator<Item = (usize, usize)> {
    let (rows, tiles) = (end - start, (end - start).div_ceil(most));
    (0..tiles).map(move |tile| {
        let from = start + rows * tile / tiles;
        (from, start + rows * (tile + 1) / tiles - from)
    })
}

/// A step forwards for the units of one panel and some rows.
struct Forward<'a> {
    panel: &'a [f32],
    /// The hidden state before, none at the first step.
    before: Option<&'a [f32]>,
    cells_before: Option<&'a [f32]>,
    gates: &'a Shared<'a>,
    cells: &'a Shared<'a>,
    tanhs: &'a Shared<'a>,
    hiddens: &'a Shared<'a>,
    /// First unit, rows.
    unit: usize,
    rows: (usize, usize),
    hidden: usize,
    most_rows: usize,
}

impl Work for Forward<'_> {
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
struct Backward<'a> {
    panel: &'a [f32],
    /// Gradients of the gates of the step behind, none at the last.
    behind: Option<&'a [f32]>,
    /// The gradient of h, at the last step.
    dy: &'a [f32],
    gates: &'a Shared<'a>,
    dcell: &'a Shared<'a>,
    tanhs: &'a [f32],
    cells_before: Option<&'a [f32]>,
    unit: usize,
    rows: (usize, usize),
    hidden: usize,
    most_rows: usize,
}

impl Work for Backward<'_> {
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

/// Copies recurrent weights (4 hidden, hidden) to one panel.
struct Pack<'a> {
    weights: &'a [f32],
    hidden: usize,
    unit: usize,
    transposed: bool,
    to: &'a mut [f32],
}

impl Work for Pack<'_> {
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

/// How a step is shared out: panels, and parts of the rows of each.
#[derive(Clone, Copy)]
struct Grid {
    /// Units of a panel, and floats.
    units: usize,
    floats: usize,
    panels: usize,
    parts: usize,
    batch: usize,
}

impl Grid {
    /// First unit, panel and rows of a task.
    fn task<'a>(&self, task: usize, packed: &'a [f32]) -> (usize, &'a [f32], (usize, usize)) {
        let (panel, part) = (task / self.parts, task % self.parts);
        let edge = |part: usize| self.batch * part / self.parts;
        let weights = &packed[panel * self.floats..][..self.floats];
        (panel * self.units, weights, (edge(part), edge(part + 1)))
    }
}

impl Lstm {
    pub fn new(sizes: network::Lstm, t: &Tensors<'_>) -> Lstm {
        let (states, isa) = (sizes.seq * sizes.batch * sizes.hidden, t.isa);
        let zeros = || Aligned::zeros(states);
        let mut lstm = Lstm {
            sizes,
            gates: Aligned::zeros(GATES * states),
            cells: zeros(),
            tanhs: zeros(),
            hiddens: zeros(),
            dcell: Aligned::zeros(sizes.batch * sizes.hidden),
            packed: Aligned::default(),
            isa,
            threads: t.pool.threads(),
        };
        let floats = [true, false].map(|forward| lstm.grid(forward)).map(|g| g.panels * g.floats);
        lstm.packed = Aligned::zeros(floats[0].max(floats[1]));
        lstm
    }

    fn grid(&self, forward: bool) -> Grid {
        let (h, lanes, batch) = (self.sizes.hidden, self.isa.lanes(), self.sizes.batch);
        let (units, depth) = if forward { (lanes, h) } else { (GATES * lanes, GATES * h) };
        let panels = h.div_ceil(units);
        // An even number of tasks for every thread, where the rows allow it.
        let parts = (1..=batch.min(4 * self.threads))
            .find(|parts| (panels * parts).is_multiple_of(self.threads))
            .unwrap_or(1);
        Grid { units, floats: depth * GATES * lanes, panels, parts, batch }
    }

    /// Packs the recurrent weights.
    fn pack(&mut self, t: &Tensors<'_>, forward: bool) {
        let (grid, isa, hidden) = (self.grid(forward), self.isa, self.sizes.hidden);
        let weights = t.parameters.get(self.sizes.weight_hh);
        let all = Shared::new(&mut self.packed);
        t.pool.each(grid.panels, |panel| {
            // SAFETY: a task has its own panel.
            let to = unsafe { all.part(panel * grid.floats, grid.floats) };
            let unit = panel * grid.units;
            // SAFETY: instructions of this CPU.
            unsafe { isa.run(Pack { weights, hidden, unit, transposed: forward, to }) };
        });
    }
}

impl Computed for Lstm {
    fn forward(&mut self, t: &mut Tensors<'_>) {
        let l = self.sizes;
        let (h, step) = (l.hidden, l.batch * l.hidden);
        let (isa, most_rows) = (self.isa, most_rows(self.isa));
        let biases = (t.parameters.get(l.bias_ih), t.parameters.get(l.bias_hh));
        let finish = |_: usize, column: usize, piece: &mut [f32]| {
            let (a, b) = (&biases.0[column..], &biases.1[column..]);
            isa.vectorise(|| {
                piece.iter_mut().zip(a).zip(b).for_each(|((z, a), b)| *z += a + b);
            });
        };
        let product = Product::dense([l.seq * l.batch, GATES * h, h], false, true);
        let operands = (&t.values[l.x][..], t.parameters.get(l.weight_ih));
        t.path.multiply_then(t.pool, &product, operands, &mut self.gates, &finish);
        self.pack(t, true);
        let grid = self.grid(true);
        for time in 0..l.seq {
            let now = time * step;
            let (cells_before, cells) = self.cells.split_at_mut(now);
            let (before, hiddens) = self.hiddens.split_at_mut(now);
            let last = |all| if time > 0 { Some::<&[f32]>(all) } else { None };
            let (before, cells_before) = (
                last(&before[now.saturating_sub(step)..]),
                last(&cells_before[now.saturating_sub(step)..]),
            );
            let gates = Shared::new(&mut self.gates[GATES * now..][..GATES * step]);
            let (cells, hiddens) = (Shared::new(cells), Shared::new(hiddens));
            let tanhs = Shared::new(&mut self.tanhs[now..][..step]);
            let packed = &self.packed;
            t.pool.each(grid.panels * grid.parts, |task| {
                let (unit, panel, rows) = grid.task(task, packed);
                let work = Forward {
                    panel,
                    before,
                    cells_before,
                    gates: &gates,
                    cells: &cells,
                    tanhs: &tanhs,
                    hiddens: &hiddens,
                    unit,
                    rows,
                    hidden: h,
                    most_rows,
                };
                // SAFETY: instructions of this CPU; tasks differ in units or in rows.
                unsafe { isa.run(work) };
            });
        }
        t.values[l.y].copy_from_slice(&self.hiddens[(l.seq - 1) * step..]);
    }

    fn backward(&mut self, t: &mut Tensors<'_>) {
        let l = self.sizes;
        let (h, step) = (l.hidden, l.batch * l.hidden);
        let (isa, most_rows) = (self.isa, most_rows(self.isa));
        self.pack(t, false);
        self.dcell.fill(0.0);
        let grid = self.grid(false);
        let dy = t.gradient(l.y);
        for time in (0..l.seq).rev() {
            let now = time * step;
            let (gates, behind) = self.gates.split_at_mut(GATES * (now + step));
            let behind = (time + 1 < l.seq).then_some(&behind[..]);
            let gates = Shared::new(&mut gates[GATES * now..]);
            let dcell = Shared::new(&mut self.dcell);
            let cells_before = (time > 0).then(|| &self.cells[now - step..now]);
            let (packed, tanhs) = (&self.packed, &self.tanhs[now..now + step]);
            t.pool.each(grid.panels * grid.parts, |task| {
                let (unit, panel, rows) = grid.task(task, packed);
                let work = Backward {
                    panel,
                    behind,
                    dy,
                    gates: &gates,
                    dcell: &dcell,
                    tanhs,
                    cells_before,
                    unit,
                    rows,
                    hidden: h,
                    most_rows,
                };
                // SAFETY: instructions of this CPU; tasks differ in units or in rows.
                unsafe { isa.run(work) };
            });
        }
        let dz = std::mem::take(&mut self.gates);
        let product = Product::dense([GATES * h, h, l.seq * l.batch], true, false);
        let dw = t.gradients.get_mut(l.weight_ih);
        t.path.multiply(t.pool, &product, &dz, &t.values[l.x], dw);
        // Of the first step there is no state before.
        let product = Product { k: (l.seq - 1) * l.batch, ..product };
        let dw = t.gradients.get_mut(l.weight_hh);
        t.path.multiply(t.pool, &product, &dz[GATES * step..], &self.hiddens, dw);
        sum_rows(t, &dz, l.bias_ih);
        let db = t.gradients.get(l.bias_ih).to_vec();
        t.gradients.get_mut(l.bias_hh).copy_from_slice(&db);
        self.gates = dz;
    }

    fn scratch_bytes(&self) -> u64 {
        4 * (self.packed.len() + self.tanhs.len() + self.dcell.len()) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_rows_once() {
        for rows in 1..40 {
            let mut next = 3;
            for (from, count) in tiles(3, 3 + rows, 6) {
                assert_eq!(from, next);
                assert!((1..=6).contains(&count));
                next += count;
            }
            assert_eq!(next, 3 + rows);
        }
    }
}
