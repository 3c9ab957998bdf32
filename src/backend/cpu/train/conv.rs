//! 3 x 3 convolutions, by the engines of `conv/`.
//!
//! Forwards and back to x by Winograd's algorithm with 2 x 2 outputs a tile, whose results are as exact as
//! those of plain sums. With 4 x 4 outputs a step would be a tenth faster still, but its rounding shows:
//! golden trajectories then are off by three quarters of what is accepted, instead of a tenth.

use super::Computed;
use super::tensors::Tensors;
use crate::backend::cpu::conv::{self, Means, Prepared, winograd};
use crate::error::Result;
use crate::network;
use crate::workload::{self, Algorithm};

/// Channels of x from which on Winograd's transforms pay.
const WINOGRAD_CHANNELS: usize = 8;

/// See [`network::Conv3x3`].
pub struct Conv {
    sizes: network::Conv3x3,
    fprop: Prepared,
    /// None where nobody needs the gradient of x.
    dgrad: Option<Prepared>,
    wgrad: Prepared,
}

impl Conv {
    pub fn new(sizes: network::Conv3x3, t: &Tensors<'_>, scratch_limit: u64) -> Result<Conv> {
        let means = Means { isa: t.isa, threads: t.pool.threads(), scratch_limit };
        let conv = sizes.sizes();
        let (fprop, dgrad): (conv::Prepare, conv::Prepare) = if sizes.c < WINOGRAD_CHANNELS {
            (conv::fprop, conv::dgrad)
        } else {
            (winograd::fprop::<2>, winograd::dgrad::<2>)
        };
        let needs_dx = t.graph.needs_gradient(sizes.x);
        Ok(Conv {
            sizes,
            fprop: fprop(means, &conv)?,
            dgrad: needs_dx.then(|| dgrad(means, &conv)).transpose()?,
            wgrad: conv::wgrad(means, &conv)?,
        })
    }
}

impl Computed for Conv {
    fn forward(&mut self, t: &mut Tensors<'_>) {
        let l = self.sizes;
        let mut y = std::mem::take(&mut t.values[l.y]);
        self.fprop.run(t.pool, &t.values[l.x], t.parameters.get(l.weight), &mut y);
        t.values[l.y] = y;
    }

    fn backward(&mut self, t: &mut Tensors<'_>) {
        let l = self.sizes;
        if let Some(dgrad) = &mut self.dgrad {
            let mut dx = t.take_gradient(l.x);
            dgrad.run(t.pool, t.gradient(l.y), t.parameters.get(l.weight), &mut dx);
            t.put_gradient(l.x, dx);
        }
        let dy = t.take_gradient(l.y);
        self.wgrad.run(t.pool, &dy, &t.values[l.x], t.gradients.get_mut(l.weight));
        t.put_gradient(l.y, dy);
    }

    fn saved_flop(&self) -> u64 {
        let shape = self.sizes.sizes().shape();
        let saved = |pass: &str, algorithm: Algorithm| {
            let of = |algorithm| Some(workload::find(pass).ok()?.flop_exact_by(&shape, algorithm));
            let (plain, own) = (of(Algorithm::Direct), of(algorithm));
            plain.unwrap_or(0).saturating_sub(own.unwrap_or(0))
        };
        let dgrad = self.dgrad.as_ref().map_or(0, |d| saved("conv-dgrad", d.algorithm));
        saved("conv-fprop", self.fprop.algorithm) + dgrad
    }

    fn scratch_bytes(&self) -> u64 {
        let dgrad = self.dgrad.as_ref().map_or(0, |dgrad| dgrad.scratch_bytes);
        self.fprop.scratch_bytes + dgrad + self.wgrad.scratch_bytes
    }
}
