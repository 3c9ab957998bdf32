//! The geometry of products: the tiles and panels that the parameters of their kernels make. `gemm` and the
//! products of training steps share it.

use super::recipe::Launch;
use super::target::Target;
use super::tuned::{Chooser, Parameters};

/// By whether rows of a and b begin at multiples of four elements, whether any is shorter than that, and
/// whether the rows of c begin at such multiples. `choose` gives the parameters for special cases.
pub fn local_parameters_of(
    choose: impl Fn(&[&str]) -> Parameters,
    in_fours: bool,
    short: bool,
    c_in_fours: bool,
) -> Parameters {
    if !in_fours {
        let odd = choose(&["unaligned"]);
        // Even unaligned vectors need rows as long as a vector.
        return if short { odd.with(&[("VA", 1), ("VB", 1), ("UNALIGNED", 0)]) } else { odd };
    }
    let parameters = choose(&[]);
    if c_in_fours { parameters } else { parameters.with(&[("VC", 1)]) }
}

/// What a work-group of a product computes.
pub struct Tile {
    /// Rows of c.
    pub rows: usize,
    /// Columns of c.
    pub columns: usize,
    /// Work-items, along the columns and along the rows.
    pub items: [usize; 2],
    /// Numbers in local memory.
    pub numbers: usize,
}

impl Tile {
    /// Of the kernels with tiles in local memory.
    pub fn local(parameters: &Parameters) -> Tile {
        let get = |name| parameters.get(name);
        let (rows, columns, depth) = (get("TM"), get("TN"), get("TK"));
        let items = [(rows / get("WM")) * (columns / get("WN")), 1];
        let buffers = if get("DB") == 2 { 2 } else { 1 };
        let numbers = buffers * depth * (rows + get("PADA") + columns + get("PADB"));
        Tile { rows, columns, items, numbers }
    }

    /// Of the kernels with nothing but registers.
    pub fn register(parameters: &Parameters) -> Tile {
        let [x, y, rows, columns] = ["LX", "LY", "WM", "WN"].map(|name| parameters.get(name));
        Tile { rows: y * rows, columns: x * columns, items: [x * y, 1], numbers: 0 }
    }

    /// Of the kernels with a work-item for each element.
    pub fn naive(parameters: &Parameters) -> Tile {
        let [columns, rows] = ["LX", "LY"].map(|name| parameters.get(name));
        Tile { rows, columns, items: [columns, rows], numbers: 0 }
    }

    /// Of packed panels: what a work-item has in registers, of the blocks of c that it owns.
    pub fn packed(parameters: &Parameters) -> Tile {
        let [rows, vectors, nc, kc] = ["MR", "NV", "NC", "KC"].map(|name| parameters.get(name));
        let columns = 16 * vectors;
        let numbers = nc * kc + rows * (kc + 16) + rows * columns;
        Tile { rows, columns, items: [1, 1], numbers }
    }

    /// Work-groups for c (m, n).
    pub fn groups(&self, m: usize, n: usize) -> usize {
        n.div_ceil(self.columns) * m.div_ceil(self.rows)
    }

    /// The launch for `count` times c (m, n).
    pub fn launch(&self, m: usize, n: usize, count: usize) -> Launch {
        let [x, y] = self.items;
        let global = [n.div_ceil(self.columns) * x, m.div_ceil(self.rows) * y, count];
        Launch { global, local: [x, y, 1] }
    }
}

/// The parameters of packed panels for a class of shapes; without NV for classes of devices that have no
/// such kernel.
pub fn packed_parameters_of(tuned: Chooser<'_>, shape_class: &str) -> Parameters {
    let cases: &[&str] = if shape_class == "transposed-a" { &["transposed_a"] } else { &[] };
    tuned.chosen("gemm", "packed", cases, shape_class)
}

/// The launch of packed panels for `count` times c (m, n), a work-item for each block of c. Two blocks a
/// thread balance best.
pub fn packed_launch(parameters: &Parameters, [m, n, count]: [usize; 3], threads: usize) -> Launch {
    let (nr, nc) = (16 * parameters.get("NV"), parameters.get("NC"));
    let threads = threads.div_ceil(count);
    let least = n.div_ceil(nc);
    let rows = (2 * threads).div_ceil(least).min(m.div_ceil(64)).max(m.div_ceil(1024));
    // Panels are shared out evenly: the number of columns that makes the longest thread shortest.
    let panels = n.div_ceil(nr);
    let most = panels.min(2 * least + threads).max(least);
    let longest = |columns: &usize| {
        let share = panels.div_ceil(*columns);
        (rows * panels.div_ceil(share)).div_ceil(threads) * share
    };
    let columns = (least..=most).min_by_key(longest).unwrap_or(least);
    Launch { global: [rows, columns, count], local: [1, 1, 1] }
}

/// The parameters of packed panels of one size for products of all sizes of a class, so that few programs
/// serve a whole network.
pub fn packed_for_all(target: &Target, tuned: Chooser<'_>, shape_class: &str) -> Parameters {
    const MOST_KC: usize = 256;
    let base = packed_parameters_of(tuned, shape_class);
    let floats = target.local_memory().min(1 << 20) / 8;
    let (nr, mut nc) = (16 * base.get("NV").max(1), base.get("NC"));
    while nc > nr && nc * MOST_KC > floats {
        nc /= 2;
    }
    let kc = ((floats / nc.max(1) + 1).next_power_of_two() / 2).clamp(16, MOST_KC);
    base.with(&[("NC", nc), ("KC", kc)])
}
