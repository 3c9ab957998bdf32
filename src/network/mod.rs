//! Training steps: four networks, each written once as a graph of layers, which any [`Ops`] computes.
//!
//! | file | holds |
//! | --- | --- |
//! | `networks.rs` | the networks |
//! | `graph.rs` | values, parameters, and how a network is put together |
//! | `layer.rs` | the layers with their sizes and work |
//! | `ops.rs` | what a device has to offer, and the order of a step |
//! | `data.rs` | initial parameters and mini-batches |
//! | `optimizer.rs` | the two optimisers |
//! | `memory.rs` | what a step keeps, in bytes |
//! | `reference/` | the f64 instance that everything is held against |
//! | `trajectory.rs` | several steps in a row, and what is told of them |

mod data;
mod graph;
mod layer;
mod memory;
mod networks;
mod ops;
mod optimizer;
pub mod reference;
mod trajectory;

use crate::error::{self, Result};
use crate::terms::{Axis, Shape};

pub use data::{batch, initial, labels};
pub use graph::{Activation, Gradient, Graph, Init, Node, Parameter};
pub use layer::{
    Attention, BatchNorm, Conv3x3, Direction, Layer, LayerNorm, Linear, Lstm, Mean, NORM_EPS,
};
pub use memory::Memory;
pub use networks::{CNN, LSTM, MLP, TRANSFORMER};
pub use ops::{Operation, Ops, step};
pub use optimizer::{Adam, Optimizer, OptimizerStep, Sgd};
pub use trajectory::{Parameters, Tolerance, Trainer, Trajectories, Trajectory, golden, l2};

/// One of the networks.
#[derive(Clone, Copy)]
pub struct Network {
    /// Its name, which is also that of its workload without `train-`.
    pub name: &'static str,
    /// Its axes in canonical order.
    pub axes: &'static [Axis],
    /// Its layers at a shape.
    pub graph: fn(&Shape) -> Graph,
}

/// Every network, in the order of reports.
pub const NETWORKS: [Network; 4] = [MLP, CNN, LSTM, TRANSFORMER];

/// Finds a network by its name, or says which ones there are.
pub fn find(name: &str) -> Result<Network> {
    error::named("network", name, NETWORKS, |network| network.name)
}
