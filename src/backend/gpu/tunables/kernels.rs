//! The kernels whose parameters are searched: the values that each may take, and the rules between them.

use crate::backend::tunable::{Dimension, Point, Space};

/// An implementation whose parameters are searched.
pub struct Kernel {
    /// Workloads that share it: `conv`.
    pub family: &'static str,
    /// Its name among them.
    pub implementation: &'static str,
    /// Whether it is for CPU devices, or for all others.
    pub for_cpus: bool,
    /// What may be tried.
    pub space: Space,
}

const TILES: &[Dimension] = &[
    ("TM", &[32, 64, 128]),
    ("TN", &[32, 64, 128]),
    ("TK", &[8, 16, 32]),
    ("WM", &[4, 8, 16]),
    ("WN", &[4, 8, 16]),
    ("DB", &[0, 1, 2]),
    ("AHEAD", &[0, 1]),
    ("PADA", &[0, 4]),
    ("PADB", &[0, 4]),
    ("PREFETCH_BEFORE_BARRIER", &[0, 1]),
];

const REGISTER: &[Dimension] = &[
    ("WM", &[2, 4, 8]),
    ("WN", &[4, 8]),
    ("KU", &[4, 8]),
    ("LX", &[4, 8, 16, 32]),
    ("LY", &[2, 4, 8, 16]),
];

const CONV_REGISTER: &[Dimension] =
    &[("WM", &[2, 4, 8]), ("WN", &[4, 8]), ("LX", &[4, 8, 16, 32]), ("LY", &[2, 4, 8, 16])];

const PACKED: &[Dimension] = &[
    ("MR", &[2, 4, 5, 6, 7, 8, 10, 12, 14]),
    ("NV", &[1, 2, 4]),
    ("NC", &[128, 256, 512, 1024]),
    ("KC", &[128, 256, 512, 1024]),
    ("UNROLL", &[1, 2, 4, 8]),
    ("B_AHEAD", &[4, 8, 16]),
];

const CONV_PACKED: &[Dimension] = &[
    ("MR", &[2, 4, 5, 6, 7, 8, 10, 12, 14]),
    ("NV", &[1, 2, 4]),
    ("MC", &[6, 12, 24, 48, 96]),
    ("NC", &[128, 256, 512, 1024]),
    ("KC", &[128, 256, 512, 1024]),
    ("UNROLL", &[1, 2, 4, 8]),
];

const DEPTHWISE: &[Dimension] = &[("QW", &[1, 2, 4, 8]), ("WG", &[32, 64, 128, 256])];

/// Of training steps. A CPU device's group of one item has no barriers; one of several becomes vectors.
const CPU_ROWS: &[Dimension] = &[("VW", &[1, 4, 16]), ("WG", &[1, 4, 8, 16, 32, 64])];
const GPU_ROWS: &[Dimension] = &[("VW", &[1, 4]), ("WG", &[16, 32, 64, 128, 256, 512])];

const CPU_COLUMNS: &[Dimension] =
    &[("VW", &[1, 4, 16]), ("LX", &[1, 4, 16, 64]), ("LY", &[1, 2, 4]), ("UC", &[1, 2, 4, 8])];

const GPU_COLUMNS: &[Dimension] =
    &[("VW", &[1, 4]), ("LX", &[8, 16, 32, 64]), ("LY", &[2, 4, 8, 16, 32]), ("UC", &[1, 2, 4])];

const LSTM: &[Dimension] = &[("MR", &[1, 2, 3, 4, 5, 6]), ("UNROLL", &[1, 2, 4, 8])];

const STREAM: &[Dimension] = &[
    ("VW", &[1, 2, 4, 8, 16]),
    ("WPI", &[1, 2, 4, 8]),
    ("PATTERN", &[0, 1]),
    ("WG", &[1, 16, 64, 128, 256]),
    ("NT", &[0, 1]),
    ("GROUPS_PER_UNIT", &[1, 2, 4, 8, 16, 32]),
];

/// All of them.
pub const KERNELS: &[Kernel] = &[
    kernel("gemm", "local", false, TILES, tiles),
    kernel("gemm", "register", false, REGISTER, group),
    kernel("gemm", "packed", true, PACKED, packed),
    kernel("conv", "local", false, TILES, |p| tiles(p) && conv_tiles(p)),
    kernel("conv", "register", false, CONV_REGISTER, group),
    kernel("conv", "depthwise", false, DEPTHWISE, |_| true),
    kernel("conv", "packed", true, CONV_PACKED, packed),
    kernel("train", "local-rows", false, GPU_ROWS, |_| true),
    kernel("train", "local-columns", false, GPU_COLUMNS, |p| items(p) <= 1024),
    kernel("train", "local-channels", false, GPU_ROWS, |p| p.get("VW") >= 4),
    kernel("train", "local-elements", false, GPU_ROWS, |_| true),
    kernel("train", "packed-rows", true, CPU_ROWS, |_| true),
    kernel("train", "packed-columns", true, CPU_COLUMNS, |_| true),
    kernel("train", "packed-channels", true, CPU_ROWS, |p| p.get("VW") >= 4),
    kernel("train", "packed-elements", true, CPU_ROWS, |_| true),
    kernel("train", "packed-lstm", true, LSTM, |_| true),
    kernel("stream", "vector", true, STREAM, |_| true),
    kernel("stream", "vector", false, STREAM, |p| p.get("WG") >= 16),
];

const fn kernel(
    family: &'static str,
    implementation: &'static str,
    for_cpus: bool,
    dimensions: &'static [Dimension],
    is_legal: fn(&Point) -> bool,
) -> Kernel {
    let space = Space { dimensions, is_legal, items };
    Kernel { family, implementation, for_cpus, space }
}

/// Whether parameters of a kernel are among those that may be tried: a user may have written them.
pub fn is_legal(family: &str, implementation: &str, point: &Point) -> bool {
    let fits = |kernel: &&Kernel| {
        (kernel.family, kernel.implementation) == (family, implementation)
            && point.0.iter().all(|(name, value)| {
                let known = kernel.space.dimensions.iter().find(|(other, _)| other == name);
                known.is_some_and(|(_, values)| values.contains(value))
            })
            && (kernel.space.is_legal)(point)
    };
    KERNELS.iter().any(|kernel| fits(&kernel))
}

/// Work-items of a group.
fn items(p: &Point) -> usize {
    match () {
        () if p.get("TM") > 0 => p.get("TM") / p.get("WM") * (p.get("TN") / p.get("WN")),
        () if p.get("LX") > 0 => p.get("LX") * p.get("LY"),
        () => p.get("WG").max(1),
    }
}

/// The rules of tile.cl, with loads of single elements and of four.
fn tiles(p: &Point) -> bool {
    let get = |name| p.get(name);
    let (tm, tn, tk, wm, wn) = (get("TM"), get("TN"), get("TK"), get("WM"), get("WN"));
    if tm < wm || tn < wn || wm * wn > 128 {
        return false;
    }
    let items = items(p);
    let whole = |side: usize| {
        (side * tk).is_multiple_of(4 * items)
            && [side, side / 4, tk, tk / 4]
                .iter()
                .all(|vectors| items.is_multiple_of(*vectors) || vectors.is_multiple_of(items))
    };
    let buffers = if get("DB") == 2 { 2 } else { 1 };
    let local = 4 * buffers * tk * (tm + get("PADA") + tn + get("PADB"));
    let moved = if get("DB") > 0 { (tm + tn) * tk / items } else { 0 };
    let registers = wm * wn + wm + wn + moved + 24;
    (16..=1024).contains(&items) && whole(tm) && whole(tn) && local <= 48 << 10 && registers <= 240
}

/// What conv/local.cl asks besides.
fn conv_tiles(p: &Point) -> bool {
    items(p).is_multiple_of(p.get("TN"))
}

/// A work-group of a size that devices have.
fn group(p: &Point) -> bool {
    (16..=1024).contains(&items(p)) && p.get("WM") * p.get("WN") <= 64
}

/// The tile stays in the registers of AVX-512, and panels divide blocks.
fn packed(p: &Point) -> bool {
    let (mr, nv) = (p.get("MR"), p.get("NV"));
    (1..=16).contains(&mr)
        && (nv == 1 || nv == 2 || nv == 4)
        && mr * nv + nv < 32
        && p.get("NC").is_multiple_of(16 * nv)
        && p.get("KC").is_multiple_of(16)
        && p.get("KC") > 0
}
