//! Tensors of a training step on a device.

use std::ops::Range;

use ocl::core::{self, ArgVal, Event};

use super::super::buffer::{Buffer, FencedBuffer, Table};
use super::super::device::OpenClDevice;
use crate::backend::gpu::train::{Layout, Sizes, Slot, Value};
use crate::error::{Error, Result};

/// All parameters, all their gradients, or as many numbers of state.
pub struct Arena {
    /// With the fences.
    pub whole: Buffer,
    /// Slot by tensor.
    pub parts: Vec<Buffer>,
}

impl Arena {
    fn new(device: &OpenClDevice, layout: &Layout) -> Result<Arena> {
        let whole = Buffer::new(device, layout.total)?;
        let part = |part: &Range<usize>| whole.part(device, part.start, part.len());
        let parts = layout.parts.iter().map(part).collect::<Result<_>>()?;
        Ok(Arena { whole, parts })
    }
}

/// See the module.
pub struct Memory {
    /// Of every arena.
    pub layout: Layout,
    /// Parameters before the first step, with fences.
    pub initial: Buffer,
    /// Parameters.
    pub parameters: Arena,
    /// Their gradients.
    pub gradients: Arena,
    /// The optimiser's numbers.
    pub state: Vec<Arena>,
    /// Parts of the tensors for the optimiser.
    pub pieces: Table,
    /// Values; the first is the mini-batch.
    pub values: Vec<Buffer>,
    /// Gradients of values.
    value_gradients: Vec<Option<Buffer>>,
    /// Labels, whole numbers.
    pub labels: Buffer,
    /// Loss of each sample.
    pub losses: Buffer,
    /// Their mean.
    pub loss: FencedBuffer,
    /// By layer.
    pub saved: Vec<Vec<Buffer>>,
    /// See `Sizes`.
    pub scratch: Vec<Buffer>,
    /// What kernels look up.
    pub tables: Vec<Table>,
}

impl Memory {
    /// Allocates, if all of it fits.
    pub fn new(device: &OpenClDevice, sizes: &Sizes, tables: &[Vec<i32>]) -> Result<Memory> {
        let lengths = sizes.lengths();
        let bytes: Vec<u64> = lengths.iter().map(|len| 4 * *len as u64).collect();
        device.target.check_memory(&bytes)?;
        if lengths.iter().any(|len| *len >= 1 << 31) {
            let what = "the kernels index tensors of less than 2^31 elements";
            return Err(Error::Unsupported(what.into()));
        }
        let buffer = |len: &usize| Buffer::new(device, *len);
        let buffers = |lengths: &[usize]| lengths.iter().map(buffer).collect::<Result<Vec<_>>>();
        let arena = || Arena::new(device, &sizes.layout);
        let own = |len: &usize| if *len > 0 { buffer(len).map(Some) } else { Ok(None) };
        Ok(Memory {
            initial: buffer(&sizes.layout.total)?,
            parameters: arena()?,
            gradients: arena()?,
            state: (3..sizes.arenas).map(|_| arena()).collect::<Result<_>>()?,
            pieces: Table::new(device, &sizes.layout.pieces())?,
            values: buffers(&sizes.values)?,
            value_gradients: sizes.gradients.iter().map(own).collect::<Result<_>>()?,
            labels: buffer(&sizes.labels)?,
            losses: buffer(&sizes.labels)?,
            loss: FencedBuffer::new(device, 1)?,
            saved: sizes.saved.iter().map(|l| buffers(l)).collect::<Result<_>>()?,
            scratch: buffers(&sizes.scratch)?,
            tables: tables.iter().map(|data| Table::new(device, data)).collect::<Result<_>>()?,
            layout: sizes.layout.clone(),
        })
    }

    /// A value as a kernel takes it.
    pub fn argument<'a>(&'a self, value: &'a Value) -> Result<ArgVal<'a>> {
        let tensor = match value {
            Value::Int(size) => return Ok(ArgVal::scalar(size)),
            Value::Float(number) => return Ok(ArgVal::scalar(number)),
            Value::Slot(tensor) => *tensor,
        };
        Ok(ArgVal::mem(match tensor {
            Slot::Value(number) => &self.values[number].mem,
            Slot::Gradient(number) => {
                let own = self.value_gradients[number].as_ref();
                let missing = || Error::device(format!("value {number} has no gradient"));
                &own.ok_or_else(missing)?.mem
            }
            Slot::Parameter(number) => &self.parameters.parts[number].mem,
            Slot::ParameterGradient(number) => &self.gradients.parts[number].mem,
            Slot::Parameters => &self.parameters.whole.mem,
            Slot::ParameterGradients => &self.gradients.whole.mem,
            Slot::State(number) => &self.state[number].whole.mem,
            Slot::Initial => &self.initial.mem,
            Slot::Pieces => &self.pieces.mem,
            Slot::Labels => &self.labels.mem,
            Slot::Losses => &self.losses.mem,
            Slot::Loss => &self.loss.part.mem,
            Slot::Saved(layer, number) => &self.saved[layer][number].mem,
            Slot::Scratch(number) => &self.scratch[number].mem,
            Slot::Table(number) => &self.tables[number].mem,
        }))
    }

    /// Fills everything that a step computes on its way.
    pub fn fill(&self, device: &OpenClDevice, value: f32) -> Result<()> {
        let gradients = self.value_gradients.iter().flatten();
        let all = self.values[1..].iter().chain(gradients).chain([&self.losses]);
        for buffer in all.chain(self.saved.iter().flatten()).chain(&self.scratch) {
            let (queue, mem, len) = (&device.queue, &buffer.mem, buffer.len);
            let (none, no_event) = (None::<&Event>, None::<&mut Event>);
            core::enqueue_fill_buffer(queue, mem, value, 0, len, none, no_event, None)
                .map_err(device.refused("filling a buffer"))?;
        }
        core::finish(&device.queue).map_err(device.refused("filling a buffer"))
    }
}
