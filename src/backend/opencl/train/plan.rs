//! The launches of every operation of a step.

use super::super::OpenClDevice;
use super::super::buffer::Table;
use super::Kind;
use super::launches::{Prepared, Programs, Source, Value};
use super::memory::Memory;
use crate::backend::gpu::recipe::{Build, Launch, Recipe, Step};
use crate::backend::gpu::tuned::{Parameters, Tuned, Tuning, shapes};
use crate::error::Result;
use crate::network::{Graph, Layer};

/// Kernels of this folder behind what they share.
macro_rules! source {
    ($file:literal $(, $more:literal)*) => {
        Source {
            file: concat!("train/", $file),
            text: concat!(
                include_str!("../../../../kernels/train/vector.cl"),
                $(include_str!(concat!("../../../../kernels/train/", $more)),)*
                include_str!(concat!("../../../../kernels/train/", $file))
            ),
        }
    };
}

const COLUMNS: Source = source!("columns.cl");
const LAYER_NORM: Source = source!("layer_norm.cl", "group.cl");
const BATCH_NORM: Source = source!("batch_norm.cl", "group.cl");
const SOFTMAX: Source = source!("softmax.cl", "group.cl");
const LSTM: Source = source!("lstm.cl");
const LSTM_PACKED: Source = source!("lstm_packed.cl");
const OPTIMIZER: Source = source!("optimizer.cl");

/// Texts of kernels that go by the same parameters.
pub const ROWS: [&str; 2] = [LAYER_NORM.text, SOFTMAX.text];
pub const COLUMN_SUMS: [&str; 1] = [COLUMNS.text];
pub const CHANNELS: [&str; 1] = [BATCH_NORM.text];
pub const ELEMENTS: [&str; 2] = [OPTIMIZER.text, LSTM.text];
pub const STEPS_OF_TIME: [&str; 1] = [LSTM_PACKED.text];

/// Every operation's launches, in order.
pub struct Plan {
    /// By layer.
    pub forward: Vec<Vec<Prepared>>,
    /// By layer.
    pub backward: Vec<Vec<Prepared>>,
    /// Loss and its gradient.
    pub loss: Vec<Prepared>,
    /// The optimiser.
    pub update: Vec<Prepared>,
    /// Back to the first parameters, and state to zero.
    pub restore: Vec<Prepared>,
    /// Whether a program was compiled from source.
    pub compiled: bool,
    /// Where the parameters of all kernels come from.
    pub tuning: Tuning,
    /// Kept because the launches refer to them.
    _tables: Vec<Table>,
}

impl Plan {
    /// Prepares all of them. `recipes` are those of convolutions, by layer.
    pub fn new(
        device: &OpenClDevice,
        graph: &Graph,
        kind: Kind,
        memory: &Memory,
        recipes: Vec<Vec<Recipe>>,
    ) -> Result<Plan> {
        let programs = Programs::new(device);
        let (tables, tuning) = (Vec::new(), Tuning::default());
        let mut planner = Planner { device, graph, kind, memory, programs, tables, tuning };
        let mut plan = Plan {
            forward: Vec::new(),
            backward: Vec::new(),
            loss: planner.loss()?,
            update: planner.update()?,
            restore: planner.restore()?,
            compiled: false,
            tuning: Tuning::default(),
            _tables: Vec::new(),
        };
        for (number, (layer, recipes)) in graph.layers.iter().zip(recipes).enumerate() {
            let saved = &memory.saved[number];
            let [forward, backward] = match layer {
                Layer::Linear(l) => planner.linear(l, saved)?,
                Layer::Conv(l) => planner.conv(l, recipes)?,
                Layer::BatchNorm(l) => planner.batch_norm(l, saved)?,
                Layer::Lstm(l) => planner.lstm(l, saved)?,
                Layer::LayerNorm(l) => planner.layer_norm(l, saved)?,
                Layer::Attention(l) => planner.attention(l, saved)?,
                Layer::Mean(l) => planner.mean(l)?,
            };
            plan.forward.push(forward);
            plan.backward.push(backward);
        }
        plan.compiled = planner.programs.compiled;
        plan.tuning = planner.tuning;
        plan._tables = planner.tables;
        Ok(plan)
    }

    /// Kernels that a step launches.
    pub fn launches(&self) -> usize {
        let layers = self.forward.iter().chain(&self.backward).map(Vec::len);
        layers.sum::<usize>() + self.loss.len() + self.update.len()
    }
}

/// Launches of a layer's passes.
pub type Passes = [Vec<Prepared>; 2];

/// What prepares the launches of a network.
pub struct Planner<'p> {
    pub device: &'p OpenClDevice,
    pub graph: &'p Graph,
    pub kind: Kind,
    pub memory: &'p Memory,
    programs: Programs<'p>,
    tables: Vec<Table>,
    tuning: Tuning,
}

impl Planner<'_> {
    /// See `Programs::prepare`; the kernel goes by these parameters.
    pub fn prepare(
        &mut self,
        (source, parameters): (Source, &Parameters),
        kernel: (&'static str, &str),
        values: &[Value<'_>],
        launch: Launch,
        local_bytes: u64,
    ) -> Result<Prepared> {
        self.tells(parameters.tuning());
        let prepared = self.programs.prepare(source, kernel, values, launch, local_bytes)?;
        Ok(prepared.going_by(parameters.of_what()))
    }

    /// The same for a step of a recipe, which tells of its parameters itself.
    pub fn prepare_step(&mut self, step: &Step, values: &[Value<'_>]) -> Result<Prepared> {
        let source = Source { file: step.file, text: step.source };
        let (kernel, launch) = ((step.kernel, step.options.as_str()), step.launch.clone());
        self.programs.prepare(source, kernel, values, launch, step.local_bytes)
    }

    /// Adds to what the whole step tells of its parameters.
    pub fn tells(&mut self, tuning: Tuning) {
        self.tuning = self.tuning.and(tuning);
    }

    /// Uploads what kernels look up.
    pub fn upload(&self, tables: Vec<Vec<i32>>) -> Result<Vec<Table>> {
        tables.iter().map(|data| Table::new(self.device, data)).collect()
    }

    /// Keeps tables for as long as the launches.
    pub fn keep(&mut self, tables: Vec<Table>) {
        self.tables.extend(tables);
    }

    /// A kernel whose groups share out `rows`, each `width` wide.
    fn over_rows(
        &mut self,
        (source, kernel): (Source, &'static str),
        (rows, width): (usize, usize),
        values: &[Value<'_>],
    ) -> Result<Prepared> {
        let p = self.kind.parameters(&self.device.tuned, "rows", shapes::rows(width));
        let options = format!("{} -D ALIGNED={}", p.options(), aligned(width));
        let group = p.get("WG");
        let groups = if group == 1 { self.shares().min(rows) } else { rows };
        let launch = Launch { global: [groups * group, 1, 1], local: [group, 1, 1] };
        self.prepare((source, &p), (kernel, &options), values, launch, 4 * group as u64)
    }

    /// A kernel on layers of a norm or a softmax, row by row.
    pub fn layer_norm_rows(
        &mut self,
        kernel: &'static str,
        sizes: (usize, usize),
        values: &[Value<'_>],
    ) -> Result<Prepared> {
        self.over_rows((LAYER_NORM, kernel), sizes, values)
    }

    /// The same for softmax and losses.
    pub fn softmax_rows(
        &mut self,
        kernel: &'static str,
        sizes: (usize, usize),
        values: &[Value<'_>],
    ) -> Result<Prepared> {
        self.over_rows((SOFTMAX, kernel), sizes, values)
    }

    /// A kernel over the columns of `count` matrices, each row of which is `columns` wide.
    pub fn over_columns(
        &mut self,
        kernel: &'static str,
        [columns, rows, count]: [usize; 3],
        values: &[Value<'_>],
    ) -> Result<Prepared> {
        let p = self.kind.parameters(&self.device.tuned, "columns", "all");
        let [lx, ly] = ["LX", "LY"].map(|name| p.get(name));
        // Only the sums take several vectors.
        let vectors = if kernel == "column_sums" { p.get("UC") } else { 1 };
        let width = vectors * p.get("VW");
        let global = [columns.div_ceil(lx * width) * lx, rows.next_multiple_of(ly), count];
        let launch = Launch { global, local: [lx, ly, 1] };
        let options = format!("{} -D ALIGNED={}", p.options(), aligned(columns));
        let local_bytes = 8 * (lx * ly * p.get("VW")) as u64;
        self.prepare((COLUMNS, &p), (kernel, &options), values, launch, local_bytes)
    }

    /// A kernel whose groups take a channel each.
    pub fn over_channels(
        &mut self,
        kernel: &'static str,
        channels: usize,
        width: usize,
        pool: bool,
        values: &[Value<'_>],
    ) -> Result<Prepared> {
        let p = self.kind.parameters(&self.device.tuned, "channels", shapes::channels(width));
        let (options, pool) = (p.options(), usize::from(pool));
        let options = format!("{options} -D ALIGNED={} -D POOL={pool}", aligned(width));
        let group = p.get("WG");
        let launch = Launch { global: [channels * group, 1, 1], local: [group, 1, 1] };
        self.prepare((BATCH_NORM, &p), (kernel, &options), values, launch, 4 * group as u64)
    }

    /// A kernel over the elements of an LSTM's rows.
    pub fn lstm_elements(
        &mut self,
        kernel: &'static str,
        (rows, hidden): (usize, usize),
        values: &[Value<'_>],
    ) -> Result<Prepared> {
        let p = self.kind.parameters(&self.device.tuned, "elements", "lstm");
        let (group, width) = (p.get("WG"), p.get("VW"));
        let chunks = rows * hidden.div_ceil(width);
        let groups = if group == 1 { self.shares().min(chunks) } else { chunks.div_ceil(group) };
        let launch = Launch { global: [groups * group, 1, 1], local: [group, 1, 1] };
        let options = format!("{} -D ALIGNED={}", p.options(), aligned(hidden));
        self.prepare((LSTM, &p), (kernel, &options), values, launch, 0)
    }

    /// A kernel for CPU devices over panels of so many units and shares of the rows.
    pub fn lstm_packed(
        &mut self,
        kernel: &'static str,
        [hidden, units, rows]: [usize; 3],
        values: &[Value<'_>],
    ) -> Result<Prepared> {
        let p = self.kind.parameters(&self.device.tuned, "lstm", "all");
        let launch = Launch { global: [hidden.div_ceil(units), rows, 1], local: [1, 1, 1] };
        self.prepare((LSTM_PACKED, &p), (kernel, &p.options()), values, launch, 0)
    }

    /// Into how many shares to divide rows, where panels alone do not occupy every thread.
    pub fn row_shares(&self, panels: usize, rows: usize) -> usize {
        let tile = self.kind.parameters(&self.device.tuned, "lstm", "all").get("MR").max(1);
        (self.shares() / 2).div_ceil(panels).min(rows.div_ceil(tile))
    }

    /// A kernel over all pieces of the parameters.
    pub fn over_pieces(&mut self, kernel: &'static str, values: &[Value<'_>]) -> Result<Prepared> {
        let p = self.kind.parameters(&self.device.tuned, "elements", "update");
        let group = p.get("WG");
        let pieces = self.memory.pieces.len / 2;
        let launch = Launch { global: [pieces * group, 1, 1], local: [group, 1, 1] };
        // Tensors begin at multiples of 16 elements, pieces at those of their length.
        let options = format!("{} -D ALIGNED={}", p.options(), aligned(4));
        self.prepare((OPTIMIZER, &p), (kernel, &options), values, launch, 0)
    }

    /// Into how many shares a CPU device's work is divided: several for each thread.
    fn shares(&self) -> usize {
        4 * self.device.entry.compute_units.unwrap_or(1) as usize
    }
}

/// Whether rows of so many floats begin at multiples of four.
fn aligned(width: usize) -> usize {
    usize::from(width.is_multiple_of(4))
}

/// The GPU kernels as a class of devices builds them, with rows that are aligned and ones that are not.
pub fn gpu_builds(tuned: &Tuned) -> Vec<Build> {
    let mut builds = Vec::new();
    for (source, what) in [
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
                name: format!("{} aligned={aligned} pool={pool}", source.file),
                source: source.text,
                options: format!("{options} -D ALIGNED={aligned} -D POOL={pool}"),
            });
        }
    }
    builds
}
