//! The geometry of products: the tiles and panels that the parameters of their kernels make. `gemm` and the
//! products of training steps share it.

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

/// A work-group of the local kernel.
pub struct Tiles {
    /// Rows and columns of c.
    pub rows: usize,
    pub columns: usize,
    /// Work-items.
    pub items: usize,
    /// Numbers in local memory.
    pub local_sums: usize,
}

/// The tiles that parameters make.
pub fn local_tiles(parameters: &Parameters) -> Tiles {
    let get = |name| parameters.get(name);
    let (tm, tn, tk) = (get("TM"), get("TN"), get("TK"));
    let buffers = if get("DB") == 2 { 2 } else { 1 };
    Tiles {
        rows: tm,
        columns: tn,
        items: (tm / get("WM")) * (tn / get("WN")),
        local_sums: buffers * tk * (tm + get("PADA") + tn + get("PADB")),
    }
}

/// The parameters of packed panels for a class of shapes; without NV for classes of devices that have no
/// such kernel.
pub fn packed_parameters_of(tuned: Chooser<'_>, shape_class: &str) -> Parameters {
    let cases: &[&str] = if shape_class == "transposed-a" { &["transposed_a"] } else { &[] };
    tuned.chosen("gemm", "packed", cases, shape_class)
}

/// Rows and columns of blocks of c for as many threads.
pub fn packed_grid(m: usize, n: usize, nr: usize, nc: usize, threads: usize) -> (usize, usize) {
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
    (rows, columns)
}

/// Packed panels of one size for products of all sizes, so that few programs serve a whole network.
pub struct PackedFit {
    /// With NC and KC.
    pub parameters: Parameters,
    threads: usize,
}

impl PackedFit {
    /// For a device and a class of products.
    pub fn new(target: &Target, tuned: Chooser<'_>, shape_class: &str) -> PackedFit {
        const MOST_KC: usize = 256;
        let base = packed_parameters_of(tuned, shape_class);
        let floats = target.local_memory().min(1 << 20) / 8;
        let (nr, mut nc) = (16 * base.get("NV").max(1), base.get("NC"));
        while nc > nr && nc * MOST_KC > floats {
            nc /= 2;
        }
        let kc = ((floats / nc.max(1) + 1).next_power_of_two() / 2).clamp(16, MOST_KC);
        let threads = target.units();
        PackedFit { parameters: base.with(&[("NC", nc), ("KC", kc)]), threads }
    }

    fn tile(&self) -> (usize, usize) {
        (self.parameters.get("MR"), 16 * self.parameters.get("NV"))
    }

    /// Rows and columns of blocks of c (m, n), of which there are `count`.
    pub fn grid(&self, m: usize, n: usize, count: usize) -> (usize, usize) {
        let threads = self.threads.div_ceil(count);
        packed_grid(m, n, self.tile().1, self.parameters.get("NC"), threads)
    }

    /// Local memory that a work-item takes.
    pub fn local_bytes(&self) -> u64 {
        let (mr, nr) = self.tile();
        let (nc, kc) = (self.parameters.get("NC"), self.parameters.get("KC"));
        4 * (nc * kc + mr * (kc + 16) + mr * nr) as u64
    }
}
