//! A whole training step: its tensors and the launches of every operation.

use super::super::tuned::Tuning;
use super::Kind;
use super::conv;
use super::planner::Planner;
use super::sizes::Sizes;
use super::slots::{Call, Schedule};
use crate::backend::gpu::Target;
use crate::backend::tunable::Pinned;
use crate::error::Result;
use crate::network::{Graph, Layer};

/// A training step on a device: what it takes and what it launches.
pub struct Plan {
    /// Of all tensors.
    pub sizes: Sizes,
    /// What kernels look up.
    pub tables: Vec<Vec<i32>>,
    /// Every operation's launches.
    pub schedule: Schedule<Call>,
    /// Where the parameters of all kernels come from.
    pub tuning: Tuning,
}

impl Plan {
    /// The step of a network.
    pub fn new(
        target: &Target,
        graph: &Graph,
        kind: Kind,
        parameters: Option<Pinned<'_>>,
    ) -> Result<Plan> {
        let recipes = conv::recipes(target, graph, kind, parameters)?;
        let sizes = Sizes::of(target.base_alignment, graph, kind, &recipes);
        let mut planner = Planner {
            target,
            graph,
            kind,
            tuned: target.tuned.at(parameters),
            pieces: sizes.layout.pieces().len() / 2,
            tables: Vec::new(),
            tuning: Tuning::default(),
        };
        let (mut forward, mut backward) = (Vec::new(), Vec::new());
        for (number, (layer, recipes)) in graph.layers.iter().zip(recipes).enumerate() {
            let passes = match layer {
                Layer::Linear(l) => planner.linear(l, number),
                Layer::Conv(l) => planner.conv(l, recipes),
                Layer::BatchNorm(l) => planner.batch_norm(l, number),
                Layer::Lstm(l) => planner.lstm(l, number),
                Layer::LayerNorm(l) => planner.layer_norm(l, number),
                Layer::Attention(l) => planner.attention(l, number),
                Layer::Mean(l) => planner.mean(l),
            };
            let [ahead, back] = passes;
            forward.push(ahead);
            backward.push(back);
        }
        let (loss, update, restore) = (planner.loss(), planner.update(), planner.restore());
        let schedule = Schedule { forward, backward, loss, update, restore };
        Ok(Plan { sizes, schedule, tables: planner.tables, tuning: planner.tuning })
    }
}

#[cfg(test)]
mod tests;
