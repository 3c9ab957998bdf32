//! `train-mlp` `train-cnn` `train-lstm` `train-transformer`: one training step of a network on one
//! mini-batch: forward, backward, update. The networks are those of [`crate::network`].

use super::{Check, Entry, Host, Preset, Work, Workload};
use crate::network::{self, Graph, Layer, Network};
use crate::terms::{Axis, Shape};

/// See the module.
pub struct Train {
    name: &'static str,
    network: Network,
    /// The axis that tells how large a model is, and its sizes.
    axis: &'static str,
    quick: &'static [u64],
    standard: &'static [u64],
    full: &'static [u64],
    /// All axes of that sweep, and of one along the batch, with anything at the sweep's own.
    around_sizes: &'static [u64],
    around_batches: &'static [u64],
    awkward: &'static [&'static [u64]],
}

/// Samples of a mini-batch; in `quick`, the model's size alone is swept.
const BATCHES: &[u64] = &[1, 4, 16, 64, 256];
const MANY_BATCHES: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

/// batch inputs width depth classes
pub const MLP: Train = Train {
    name: "train-mlp",
    network: network::MLP,
    axis: "width",
    quick: &[512, 1024, 2048],
    standard: &[64, 128, 256, 512, 1024, 2048, 4096],
    full: &[64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096],
    around_sizes: &[128, 784, 0, 3, 10],
    around_batches: &[0, 784, 1024, 3, 10],
    awkward: &[
        &[1, 1, 1, 1, 1],
        &[7, 33, 65, 2, 5],
        &[2, 3, 1, 1, 2],
        &[31, 17, 63, 1, 3],
        &[65, 129, 127, 2, 17],
        &[32, 784, 128, 3, 10],
        &[129, 64, 257, 4, 65],
    ],
};

/// batch image channels classes
pub const CNN: Train = Train {
    name: "train-cnn",
    network: network::CNN,
    axis: "channels",
    quick: &[16, 32, 64],
    standard: &[8, 16, 32, 64, 128],
    full: &[8, 12, 16, 24, 32, 48, 64, 96, 128],
    around_sizes: &[32, 32, 0, 10],
    around_batches: &[0, 32, 32, 10],
    awkward: &[
        &[2, 8, 1, 2],
        &[3, 16, 5, 7],
        &[1, 17, 3, 3],
        &[5, 15, 7, 4],
        &[2, 31, 9, 10],
        &[8, 32, 8, 10],
    ],
};

/// batch seq hidden classes
pub const LSTM: Train = Train {
    name: "train-lstm",
    network: network::LSTM,
    axis: "hidden",
    quick: &[128, 256, 512],
    standard: &[64, 128, 256, 512, 1024, 2048],
    full: &[64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048],
    around_sizes: &[32, 25, 0, 10],
    around_batches: &[0, 25, 256, 10],
    awkward: &[
        &[1, 1, 1, 1],
        &[5, 7, 33, 4],
        &[3, 2, 15, 2],
        &[6, 3, 17, 9],
        &[7, 5, 63, 3],
        &[13, 2, 65, 5],
        &[16, 20, 64, 10],
    ],
};

/// batch seq d_model heads layers classes; a head for every 64 of d_model
pub const TRANSFORMER: Train = Train {
    name: "train-transformer",
    network: network::TRANSFORMER,
    axis: "d_model",
    quick: &[128, 256, 512],
    standard: &[64, 128, 256, 512, 1024],
    full: &[64, 128, 192, 256, 384, 512, 768, 1024],
    around_sizes: &[8, 128, 0, 0, 2, 10],
    around_batches: &[0, 128, 256, 4, 2, 10],
    awkward: &[
        &[1, 1, 1, 1, 1, 1],
        &[3, 9, 48, 3, 1, 6],
        &[2, 5, 6, 2, 2, 3],
        &[1, 17, 15, 5, 1, 2],
        &[2, 33, 34, 1, 1, 4],
        &[3, 7, 65, 1, 1, 5],
        &[1, 65, 64, 2, 2, 3],
        &[4, 32, 128, 2, 2, 10],
    ],
};

impl Train {
    fn graph(&self, shape: &Shape) -> Graph {
        (self.network.graph)(shape)
    }

    fn sweep(&self, axis: &'static str, values: &[u64], around: &[u64]) -> Vec<Entry> {
        let around = Shape::of(self.network.axes, around);
        let point =
            |value: &u64| Some(Entry::point(self.moved(&around, axis, *value)?, axis, *value));
        values.iter().filter_map(point).collect()
    }
}

/// FLOP that fall on the padding of convolutions.
fn padding_flop(graph: &Graph) -> u64 {
    let passes = |layer: &Layer| match layer {
        Layer::Conv(l) => {
            let passes = if graph.needs_gradient(l.x) { 3 } else { 2 };
            let work = super::conv::FPROP.work(&l.sizes().shape());
            (work.flop_count - work.flop_exact).saturating_mul(passes)
        }
        _ => 0,
    };
    graph.layers.iter().map(passes).fold(0, u64::saturating_add)
}

impl Workload for Train {
    fn name(&self) -> &'static str {
        self.name
    }

    fn axes(&self) -> &'static [Axis] {
        self.network.axes
    }

    fn check(&self) -> Check<'_> {
        Check::Network(&self.network)
    }

    fn work(&self, shape: &Shape) -> Work {
        let graph = self.graph(shape);
        let operations = network::Operation::all(&graph);
        let flop = operations.map(|o| o.flop(&graph)).fold(0, u64::saturating_add);
        let states = graph.optimizer.states() as u64;
        let floats = (3 + 2 * states) * graph.parameter_count() + 2 * graph.stored_floats();
        Work {
            flop_count: flop,
            flop_exact: flop.saturating_sub(padding_flop(&graph)),
            elements_moved: floats,
        }
    }

    fn inputs(&self, shape: &Shape) -> Vec<usize> {
        let graph = self.graph(shape);
        let parameters = graph.parameters.iter().map(network::Parameter::len);
        parameters.chain([graph.values[graph.input()].len(), graph.batch()]).collect()
    }

    fn outputs(&self, shape: &Shape) -> Vec<usize> {
        let graph = self.graph(shape);
        let lengths = || graph.parameters.iter().map(network::Parameter::len);
        [1].into_iter().chain(lengths()).chain(lengths()).collect()
    }

    fn output(&self, shape: &Shape) -> usize {
        self.outputs(shape).iter().sum()
    }

    fn preset(&self, preset: Preset, _: &Host) -> Vec<Entry> {
        let (sizes, batches) = match preset {
            Preset::Quick => (self.quick, &[][..]),
            Preset::Standard => (self.standard, BATCHES),
            Preset::Full => (self.full, MANY_BATCHES),
            _ => return Vec::new(),
        };
        let mut entries = self.sweep(self.axis, sizes, self.around_sizes);
        entries.extend(self.sweep("batch", batches, self.around_batches));
        entries
    }

    fn moved(&self, shape: &Shape, axis: &str, value: u64) -> Option<Shape> {
        self.network.axes.iter().find(|a| a.name == axis)?;
        let shape = shape.with(&[axis], value);
        Some(if axis == "d_model" { shape.with(&["heads"], (value / 64).max(1)) } else { shape })
    }

    fn validate(&self, shape: &Shape) -> Result<(), String> {
        let has = |axis: &str| shape.values().any(|(name, _)| name == axis);
        if has("heads") && !shape.get("d_model").is_multiple_of(shape.get("heads")) {
            let (d, heads) = (shape.get("d_model"), shape.get("heads"));
            return Err(format!("{heads} heads do not divide d_model {d}"));
        }
        // Of one number there is no variance.
        if has("image") && shape.get("batch") * (shape.get("image") / 4).pow(2) < 2 {
            return Err("batch norm needs more than one pixel a channel".to_string());
        }
        Ok(())
    }

    fn awkward_shapes(&self) -> Vec<Shape> {
        self.awkward.iter().map(|values| Shape::of(self.network.axes, values)).collect()
    }

    fn label(&self, shape: &Shape) -> String {
        let words = self.axis.replace('_', " ");
        format!("{words} {} × {}", shape.get(self.axis), shape.get("batch"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::{WORKLOADS, find};

    #[test]
    fn every_network_is_a_workload() {
        for network in network::NETWORKS {
            let workload = find(&format!("train-{}", network.name)).unwrap();
            assert_eq!(workload.network().unwrap().name, network.name);
        }
        assert_eq!(WORKLOADS.iter().filter(|w| w.network().is_some()).count(), 4);
    }

    #[test]
    fn sizes_and_work_are_those_of_the_tables() {
        let mlp = find("train-mlp").unwrap();
        let shape = mlp.shape("batch=128,inputs=784,width=512,classes=10").unwrap();
        let work = mlp.work(&shape);
        let (b, i, w, o) = (128u64, 784u64, 512u64, 10u64);
        assert_eq!(work.flop_count, 6 * b * (i * w + 2 * w * w + w * o) - 2 * b * i * w);
        let p = i * w + w + 2 * (w * w + w) + w * o + o;
        assert_eq!(work.elements_moved, (5 * p + 2 * b * (i + 3 * w + o)));
        assert_eq!(mlp.outputs(&shape).len(), 1 + 2 * 8);
        assert_eq!(mlp.inputs(&shape).iter().sum::<usize>() as u64, p + b * i + b);
        let cnn = find("train-cnn").unwrap();
        let shape = cnn.shape("batch=2,image=16,channels=4,classes=10").unwrap();
        assert!(cnn.work(&shape).flop_exact < cnn.work(&shape).flop_count);
    }

    #[test]
    fn a_wider_transformer_has_more_heads() {
        let transformer = find("train-transformer").unwrap();
        let entries = transformer.preset(Preset::Standard, &Host::default());
        let heads: Vec<(u64, u64)> =
            entries.iter().map(|e| (e.shape.get("d_model"), e.shape.get("heads"))).collect();
        assert_eq!(heads[..5], [(64, 1), (128, 2), (256, 4), (512, 8), (1024, 16)]);
        assert!(entries.iter().all(|e| transformer.validate(&e.shape).is_ok()));
    }

    #[test]
    fn the_largest_sizes_overflow_nothing() {
        for workload in WORKLOADS.iter().filter(|w| w.network().is_some()) {
            let most: Vec<u64> = workload.axes().iter().map(|axis| axis.most).collect();
            let shape = Shape::of(workload.axes(), &most);
            let _ = (workload.work(&shape), workload.output(&shape));
            let graph = (workload.network().unwrap().graph)(&shape);
            let _ = network::Memory::of(&graph).total();
        }
    }
}
