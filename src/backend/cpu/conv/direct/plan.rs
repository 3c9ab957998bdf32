//! How a pass is cut up: into tasks that need nothing of each other, and each of these into steps over
//! the channels that are summed up.

use super::kernel::{NV, most_rows};
use crate::backend::cpu::simd::Isa;

/// The most floats of a copied block of the source: half of the second-level cache of the CPUs that this
/// is made for.
const SOURCE: usize = 128 << 10;

/// The most channels times taps of a step, if it has more than one channel: the filters of a tile then fit
/// the first-level cache beside the rest.
const DEPTH: usize = 512;

/// What one task may hold, in floats.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Budget {
    /// Floats of the copied source.
    pub source: usize,
    /// Channels times taps of a step: floats of the filters of one output channel.
    pub depth: usize,
}

impl Budget {
    /// What a task takes where scratch is not limited.
    pub const WHOLE: Budget = Budget { source: SOURCE, depth: DEPTH };

    /// What a task may hold on a thread that has so many floats of scratch.
    pub fn of(isa: Isa, floats: usize) -> Budget {
        let rows = most_rows(isa.registers());
        let mut depth = DEPTH;
        while depth > 16 && TOGETHER * rows * depth > floats / 4 {
            depth /= 2;
        }
        let source = floats.saturating_sub(TOGETHER * rows * depth).min(SOURCE);
        Budget { source, depth }
    }
}

/// The most panels of filters that are copied together.
pub(super) const TOGETHER: usize = 8;

/// What a pass has to do.
#[derive(Debug)]
pub(super) struct Load {
    /// Vectors of pixels.
    pub vectors: usize,
    /// Places at which the source is read for each vector.
    pub reads: usize,
    /// The number of taps of each phase.
    pub phases: Vec<usize>,
    pub groups: usize,
    /// Source channels of a group.
    pub channels: usize,
    /// Output channels of a group.
    pub outputs: usize,
    /// Taps of a pair of channels.
    pub taps: usize,
}

/// How a pass is cut up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Plan {
    /// The number of parts of the vectors, and of the panels of output channels. A task has one part of
    /// each.
    pub parts: (usize, usize),
    /// Source channels of a step, which sums up over all of their taps.
    pub channels: usize,
}

impl Plan {
    /// The plan whose slowest thread is done first, by an estimate in cycles.
    pub fn of(isa: Isa, threads: usize, load: &Load, budget: Budget) -> Plan {
        let panels = load.outputs.div_ceil(most_rows(isa.registers()));
        let mut best = (f64::INFINITY, Plan { parts: (1, 1), channels: 1 });
        for width in 1..=load.vectors.min(128 * NV) {
            let columns = load.vectors.div_ceil(width);
            let widest = load.vectors.div_ceil(columns);
            let Some(channels) = step(isa, load, budget, widest) else { continue };
            for rows in (1..=panels).filter(|rows| *rows <= 16 || panels.is_multiple_of(*rows)) {
                let plan = Plan { parts: (columns, rows), channels };
                let tasks = load.groups * columns * rows;
                let cost = tasks.div_ceil(threads) as f64 * plan.task_cycles(isa, load, widest);
                if cost < best.0 {
                    best = (cost, plan);
                }
            }
        }
        best.1
    }

    /// Estimated cycles of a task of so many vectors.
    fn task_cycles(&self, isa: Isa, load: &Load, vectors: usize) -> f64 {
        let rows = most_rows(isa.registers());
        let panels = load.outputs.div_ceil(rows).div_ceil(self.parts.1) as f64;
        let steps = load.channels.div_ceil(self.channels);
        let copied = load.channels * load.taps * rows * 4 / isa.lanes();
        let rest = match vectors % NV {
            0 => 0,
            // Few sums wait for each other, or for what they read.
            1 => rows.div_ceil(2) + 1,
            _ => rows,
        };
        let tile = (vectors / NV * rows * NV / 2 + rest) * load.channels;
        let tiles: usize = load.phases.iter().map(|taps| tile * taps).sum();
        let ends = load.phases.len() * vectors.div_ceil(NV) * steps * 300;
        let read = (vectors * load.reads * load.channels) as f64 * 3.5;
        2000.0 + panels * (copied + tiles + ends) as f64 + read
    }
}

/// Channels of a step, if a task of so many vectors fits the budget.
fn step(isa: Isa, load: &Load, budget: Budget, vectors: usize) -> Option<usize> {
    let width = vectors.next_multiple_of(NV) * isa.lanes();
    let deepest = load.phases.iter().copied().max().unwrap_or(0).max(1);
    let filters = if load.phases.len() > 1 { 2 } else { 1 } * budget.depth / load.taps;
    let deep = (budget.depth / deepest).min(filters).max(1);
    let most = deep.min(budget.source / (width * load.reads).max(1));
    // The narrowest part is taken whatever it needs.
    let most = if vectors <= NV { most.max(1) } else { most };
    (most > 0).then(|| load.channels.div_ceil(load.channels.div_ceil(most)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_fit_the_budget_and_feed_every_thread() {
        // The fourth and the last stages of ResNet-50, a first layer, two phases of many.
        let loads = [(98, 9, vec![9], 256), (25, 1, vec![1], 512), (6272, 49, vec![49], 3)];
        let strided = (25, 4, vec![1, 2, 2, 4], 512);
        for (vectors, reads, phases, channels) in loads.into_iter().chain([strided]) {
            let taps = phases.iter().sum();
            let load = Load { vectors, reads, phases, groups: 1, channels, outputs: 512, taps };
            for (isa, threads) in Isa::available().flat_map(|isa| [1, 2, 64].map(|t| (isa, t))) {
                let budget = Budget::of(isa, 1 << 20);
                assert_eq!(budget, Budget::WHOLE);
                let plan = Plan::of(isa, threads, &load, budget);
                let (columns, rows) = plan.parts;
                // A few threads may rest where that makes the parts of the others equal.
                assert!(4 * columns * rows >= 3 * threads, "{isa:?} {threads} {load:?} {plan:?}");
                let widest = vectors.div_ceil(columns).next_multiple_of(NV) * isa.lanes();
                assert!(widest * reads * plan.channels <= budget.source, "{load:?} {plan:?}");
            }
        }
    }
}
