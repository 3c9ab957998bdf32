//! Training steps on the CPU: the operations of [`crate::network::Ops`] in f32 on all chosen cores. The
//! same step gives the same bits on every run with the same number of threads.
//!
//! | file | holds |
//! | --- | --- |
//! | `linear.rs` `conv.rs` `batch_norm.rs` `layer_norm.rs` `attention.rs` `lstm/` `mean.rs` | a kind of layer each |
//! | `loss.rs` `update.rs` | softmax cross-entropy; the optimisers |
//! | `tensors.rs` `arena.rs` | what layers share: parameters and gradients between fences, values |
//! | `math.rs` `sums.rs` `moments.rs` | functions and sums that the compiler makes vectors of; mean and standard deviation |
//! | `runner.rs` | a prepared step as a [`crate::backend::Runner`] |
//!
//! Products go through the engine of `native/`. What follows a product element by element (bias,
//! activation, residual, the derivative of the activation before) is done to each row as soon as it is
//! finished, while it is in cache.

mod arena;
mod attention;
mod batch_norm;
mod conv;
mod layer_norm;
mod linear;
mod loss;
mod lstm;
pub(super) mod math;
mod mean;
mod moments;
mod runner;
pub(super) mod sums;
mod tensors;
#[cfg(test)]
mod tests;
mod update;

use crate::error::Result;
use crate::network::{Graph, Layer, Ops};

use super::Pool;
use super::simd::Isa;
pub(super) use moments::Moments;
pub use runner::TrainRunner;
use tensors::Tensors;

/// A layer made ready: with what it keeps for its backward pass.
trait Computed {
    /// Computes y.
    fn forward(&mut self, t: &mut Tensors<'_>);

    /// Computes the gradients of the parameters and, where it is needed, of x.
    fn backward(&mut self, t: &mut Tensors<'_>);

    /// FLOP of the definition that its algorithms do without, in both passes.
    fn saved_flop(&self) -> u64 {
        0
    }

    /// Memory beside values and parameters, in bytes.
    fn scratch_bytes(&self) -> u64 {
        0
    }
}

/// A training step made ready.
struct Step<'a> {
    layers: Vec<Box<dyn Computed>>,
    tensors: Tensors<'a>,
}

impl<'a> Step<'a> {
    /// Allocates, with at most so many bytes of scratch for each convolution. Works with these instructions of
    /// this CPU.
    fn new(pool: &'a Pool, graph: Graph, scratch_limit: u64, isa: Isa) -> Result<Step<'a>> {
        let tensors = Tensors::new(pool, graph, isa);
        let ready = |layer: &Layer| -> Result<Box<dyn Computed>> {
            Ok(match layer {
                Layer::Linear(l) => Box::new(*l),
                Layer::Conv(l) => Box::new(conv::Conv::new(*l, &tensors, scratch_limit)?),
                Layer::BatchNorm(l) => Box::new(batch_norm::BatchNorm::new(*l)),
                Layer::Lstm(l) => Box::new(lstm::Lstm::new(*l, &tensors)),
                Layer::LayerNorm(l) => Box::new(layer_norm::LayerNorm::new(*l)),
                Layer::Attention(l) => Box::new(attention::Attention::new(*l)),
                Layer::Mean(l) => Box::new(*l),
            })
        };
        let layers = tensors.graph.layers.iter().map(ready).collect::<Result<_>>()?;
        Ok(Step { layers, tensors })
    }
}

impl Ops for Step<'_> {
    fn forward(&mut self, layer: usize) -> Result<()> {
        self.layers[layer].forward(&mut self.tensors);
        Ok(())
    }

    fn loss(&mut self) -> Result<()> {
        loss::loss(&mut self.tensors);
        Ok(())
    }

    fn backward(&mut self, layer: usize) -> Result<()> {
        self.layers[layer].backward(&mut self.tensors);
        Ok(())
    }

    fn update(&mut self, step: u64) -> Result<()> {
        update::update(&mut self.tensors, step);
        Ok(())
    }
}
