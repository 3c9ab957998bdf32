//! What plans the launches of a network: one function for each kind of kernel.

use super::super::recipe::{Build, Launch, Step};
use super::super::tuned::{Chooser, Parameters, Tuning, shapes};
use super::Kind;
use super::slots::{Call, Slot, Value};
use crate::backend::gpu::Target;
use crate::network::Graph;

/// The programs.
const COLUMNS: &str = "train/columns";
pub const LAYER_NORM: &str = "train/layer_norm";
const BATCH_NORM: &str = "train/batch_norm";
pub const SOFTMAX: &str = "train/softmax";
const LSTM: &str = "train/lstm";
const LSTM_PACKED: &str = "train/lstm_packed";
const OPTIMIZER: &str = "train/optimizer";

/// Launches of a layer's passes.
pub type Passes = [Vec<Call>; 2];

/// What plans the launches of a network.
pub struct Planner<'p> {
    /// The device.
    pub target: &'p Target,
    /// The network.
    pub graph: &'p Graph,
    /// What its products are.
    pub kind: Kind,
    /// The parameters of its kernels.
    pub tuned: Chooser<'p>,
    /// Parts of the parameters, of which each is for a work-group.
    pub pieces: usize,
    /// What kernels look up.
    pub tables: Vec<Vec<i32>>,
    /// Where the parameters of all kernels come from.
    pub tuning: Tuning,
}

impl Planner<'_> {
    /// A launch of a kernel of a program that goes by these parameters.
    pub fn call(
        &mut self,
        (program, parameters): (&'static str, &Parameters),
        (kernel, options): (&'static str, &str),
        values: &[Value],
        launch: Launch,
        local_bytes: u64,
    ) -> Call {
        self.tells(parameters.tuning());
        let (options, arguments) = (options.to_string(), values.to_vec());
        let step = Step { program, kernel, options, arguments, launch, local_bytes };
        Call { step, goes_by: parameters.of_what().to_string() }
    }

    /// Adds to what the whole step tells of its parameters.
    pub fn tells(&mut self, tuning: Tuning) {
        self.tuning = self.tuning.and(tuning);
    }

    /// The tensor that holds the gradient of a value.
    pub fn gradient(&self, value: usize) -> Slot {
        Slot::Gradient(self.graph.gradient_of(value))
    }

    /// A kernel whose groups share out `rows`, each `width` wide.
    pub fn over_rows(
        &mut self,
        (program, kernel): (&'static str, &'static str),
        (rows, width): (usize, usize),
        values: &[Value],
    ) -> Call {
        let p = self.kind.parameters(self.tuned, "rows", shapes::rows(width));
        let options = format!("{} -D ALIGNED={}", p.options(), aligned(width));
        let group = p.get("WG");
        let groups = if group == 1 { self.shares().min(rows) } else { rows };
        let launch = Launch::of_groups(groups, group);
        self.call((program, &p), (kernel, &options), values, launch, 4 * group as u64)
    }

    /// A kernel over the columns of `count` matrices, each row of which is `columns` wide.
    pub fn over_columns(
        &mut self,
        kernel: &'static str,
        [columns, rows, count]: [usize; 3],
        values: &[Value],
    ) -> Call {
        let p = self.kind.parameters(self.tuned, "columns", "all");
        let [lx, ly] = ["LX", "LY"].map(|name| p.get(name));
        // Only the sums take several vectors.
        let vectors = if kernel == "column_sums" { p.get("UC") } else { 1 };
        let width = vectors * p.get("VW");
        let global = [columns.div_ceil(lx * width) * lx, rows.next_multiple_of(ly), count];
        let launch = Launch { global, local: [lx, ly, 1] };
        let options = format!("{} -D ALIGNED={}", p.options(), aligned(columns));
        let local_bytes = 8 * (lx * ly * p.get("VW")) as u64;
        self.call((COLUMNS, &p), (kernel, &options), values, launch, local_bytes)
    }

    /// A kernel whose groups take a channel each.
    pub fn over_channels(
        &mut self,
        kernel: &'static str,
        channels: usize,
        width: usize,
        pool: bool,
        values: &[Value],
    ) -> Call {
        let p = self.kind.parameters(self.tuned, "channels", shapes::channels(width));
        let (options, pool) = (p.options(), usize::from(pool));
        let options = format!("{options} -D ALIGNED={} -D POOL={pool}", aligned(width));
        let group = p.get("WG");
        let launch = Launch::of_groups(channels, group);
        self.call((BATCH_NORM, &p), (kernel, &options), values, launch, 4 * group as u64)
    }

    /// A kernel over the elements of an LSTM's rows.
    pub fn lstm_elements(
        &mut self,
        kernel: &'static str,
        (rows, hidden): (usize, usize),
        values: &[Value],
    ) -> Call {
        let p = self.kind.parameters(self.tuned, "elements", "lstm");
        let (group, width) = (p.get("WG"), p.get("VW"));
        let chunks = rows * hidden.div_ceil(width);
        let groups = if group == 1 { self.shares().min(chunks) } else { chunks.div_ceil(group) };
        let launch = Launch::of_groups(groups, group);
        let options = format!("{} -D ALIGNED={}", p.options(), aligned(hidden));
        self.call((LSTM, &p), (kernel, &options), values, launch, 0)
    }

    /// A kernel for CPU devices over panels of so many units and shares of the rows.
    pub fn lstm_packed(
        &mut self,
        kernel: &'static str,
        [hidden, units, rows]: [usize; 3],
        values: &[Value],
    ) -> Call {
        let p = self.kind.parameters(self.tuned, "lstm", "all");
        let launch = Launch { global: [hidden.div_ceil(units), rows, 1], local: [1, 1, 1] };
        self.call((LSTM_PACKED, &p), (kernel, &p.options()), values, launch, 0)
    }

    /// Into how many shares to divide rows, where panels alone do not occupy every thread.
    pub fn row_shares(&self, panels: usize, rows: usize) -> usize {
        let tile = self.kind.parameters(self.tuned, "lstm", "all").get("MR").max(1);
        (self.shares() / 2).div_ceil(panels).min(rows.div_ceil(tile))
    }

    /// A kernel over all pieces of the parameters.
    pub fn over_pieces(&mut self, kernel: &'static str, values: &[Value]) -> Call {
        let p = self.kind.parameters(self.tuned, "elements", "update");
        let group = p.get("WG");
        let launch = Launch::of_groups(self.pieces, group);
        // Tensors begin at multiples of 16 elements, pieces at those of their length.
        let options = format!("{} -D ALIGNED={}", p.options(), aligned(4));
        self.call((OPTIMIZER, &p), (kernel, &options), values, launch, 0)
    }

    /// Into how many shares a CPU device's work is divided: several for each thread.
    fn shares(&self) -> usize {
        4 * self.target.units()
    }
}

/// Whether rows of so many floats begin at multiples of four.
fn aligned(width: usize) -> usize {
    usize::from(width.is_multiple_of(4))
}

/// The GPU kernels as a class of devices builds them, with rows that are aligned and ones that are not.
pub fn gpu_builds(tuned: Chooser<'_>) -> Vec<Build> {
    let mut builds = Vec::new();
    for (program, what) in [
        (COLUMNS, "columns"),
        (LAYER_NORM, "rows"),
        (SOFTMAX, "rows"),
        (BATCH_NORM, "channels"),
        (LSTM, "elements"),
        (OPTIMIZER, "elements"),
    ] {
        let pools: &[usize] = if what == "channels" { &[0, 1] } else { &[0] };
        for (aligned, pool) in [0, 1].iter().flat_map(|a| pools.iter().map(move |p| (a, p))) {
            let options = Kind::Local.parameters(tuned, what, "all").options();
            builds.push(Build {
                name: format!("{program}.cl aligned={aligned} pool={pool}"),
                program,
                options: format!("{options} -D ALIGNED={aligned} -D POOL={pool}"),
            });
        }
    }
    builds
}
