//! 3 x 3 convolutions, by the engine of `conv/`.

use super::Computed;
use super::tensors::Tensors;
use crate::backend::cpu::conv::{self, Prepared};
use crate::error::Result;
use crate::network;

/// See [`network::Conv3x3`].
pub struct Conv {
    sizes: network::Conv3x3,
    fprop: Box<dyn Prepared>,
    /// None where nobody needs the gradient of x.
    dgrad: Option<Box<dyn Prepared>>,
    wgrad: Box<dyn Prepared>,
}

impl Conv {
    pub fn new(sizes: network::Conv3x3, t: &Tensors<'_>, scratch_limit: u64) -> Result<Conv> {
        let (threads, conv) = (t.pool.threads(), sizes.sizes());
        let needs_dx = t.graph.needs_gradient(sizes.x);
        let dgrad = needs_dx.then(|| conv::dgrad(threads, &conv, scratch_limit)).transpose()?;
        Ok(Conv {
            sizes,
            fprop: conv::fprop(threads, &conv, scratch_limit)?,
            dgrad,
            wgrad: conv::wgrad(threads, &conv, scratch_limit)?,
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

    fn scratch_bytes(&self) -> u64 {
        let dgrad = self.dgrad.as_ref().map_or(0, |dgrad| dgrad.scratch_bytes());
        self.fprop.scratch_bytes() + dgrad + self.wgrad.scratch_bytes()
    }
}
