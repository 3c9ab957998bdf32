//! Tensors of a training step on a device.

use ocl::core::{self, BufferRegion, Event, MemFlags};

use super::super::OpenClDevice;
use super::super::buffer::{Buffer, FencedBuffer, Table};
use super::{Kind, attention, lstm};
use crate::backend::gpu::recipe::Recipe;
use crate::error::{Error, Result};
use crate::network::{Activation, Gradient, Graph, Layer, Parameter};
use crate::tensor::{Element, FENCE};
use crate::terms::Format;

/// Most elements that a work-group of the optimiser takes.
const PIECE: usize = 8192;

/// Where tensors lie in one buffer, with fences before, between and behind them.
#[derive(Clone, Debug)]
pub struct Layout {
    starts: Vec<usize>,
    lengths: Vec<usize>,
    /// Elements of the whole.
    pub total: usize,
}

impl Layout {
    /// Each begins at a multiple of `alignment` elements, a power of two.
    pub fn new(lengths: Vec<usize>, alignment: usize) -> Layout {
        let mut end = 0;
        let mut starts = Vec::new();
        for length in &lengths {
            let start = (end + FENCE).next_multiple_of(alignment.max(16));
            starts.push(start);
            end = start + length;
        }
        Layout { starts, lengths, total: end + FENCE }
    }

    /// First element and length of every part that a work-group takes.
    pub fn pieces(&self) -> Vec<i32> {
        let tensors = self.starts.iter().zip(&self.lengths);
        let pieces = tensors.flat_map(|(start, length)| {
            (0..*length)
                .step_by(PIECE)
                .flat_map(move |at| [(start + at) as i32, PIECE.min(length - at) as i32])
        });
        pieces.collect()
    }

    /// The whole, with these tensors between fences.
    pub fn fenced<'t>(&self, tensors: impl Iterator<Item = &'t [f32]>) -> Vec<f32> {
        let mut whole = vec![f32::SENTINEL; self.total];
        for (start, tensor) in self.starts.iter().zip(tensors) {
            whole[*start..start + tensor.len()].copy_from_slice(tensor);
        }
        whole
    }

    /// The whole, every element of the tensors this.
    pub fn filled(&self, value: f32) -> Vec<f32> {
        let mut whole = vec![f32::SENTINEL; self.total];
        for (start, length) in self.starts.iter().zip(&self.lengths) {
            whole[*start..start + length].fill(value);
        }
        whole
    }

    /// The tensors of a whole, in order.
    pub fn tensors<'w>(&self, whole: &'w [f32]) -> impl Iterator<Item = &'w [f32]> + use<'_, 'w> {
        self.starts
            .iter()
            .zip(&self.lengths)
            .map(move |(start, length)| &whole[*start..][..*length])
    }

    /// What the first element of a fence holds that should not be there.
    pub fn foreign(&self, whole: &[f32]) -> Option<f32> {
        let mut end = 0;
        let mut gaps = Vec::new();
        for (start, length) in self.starts.iter().zip(&self.lengths) {
            gaps.push(end..*start);
            end = start + length;
        }
        gaps.push(end..self.total);
        let mut fences = gaps.into_iter().flat_map(|gap| &whole[gap]);
        fences.find(|value| !value.is_same(f32::SENTINEL)).copied()
    }
}

/// All parameters, all their gradients, or as many numbers of state.
pub struct Arena {
    /// With the fences.
    pub whole: Buffer,
    /// Tensor by tensor.
    pub parts: Vec<Buffer>,
}

impl Arena {
    fn new(device: &OpenClDevice, layout: &Layout) -> Result<Arena> {
        let whole = Buffer::new(device, layout.total)?;
        let part = |(start, len): (&usize, &usize)| {
            let region = BufferRegion::<f32>::new(*start, *len);
            let mem = core::create_sub_buffer(&whole.mem, MemFlags::READ_WRITE, &region)
                .map_err(|e| device.refused("dividing a buffer", &e))?;
            Ok(Buffer { mem, len: *len, format: Format::F32 })
        };
        let parts = layout.starts.iter().zip(&layout.lengths).map(part).collect::<Result<_>>()?;
        Ok(Arena { whole, parts })
    }
}

/// Floats of everything that a step takes.
pub struct Sizes {
    /// Of the parameters.
    pub layout: Layout,
    /// Arenas: parameters as they are and as they were, gradients, state.
    arenas: usize,
    /// Values, gradients of values where they have their own, labels.
    values: Vec<usize>,
    gradients: Vec<usize>,
    labels: usize,
    /// What layers keep for their backward pass or lay down on the way.
    saved: Vec<Vec<usize>>,
    /// What the kernels of convolutions share.
    scratch: Vec<usize>,
    /// Ints of tables.
    tables: usize,
}

impl Sizes {
    /// Of a network, with the recipes of its convolutions.
    pub fn of(device: &OpenClDevice, graph: &Graph, kind: Kind, recipes: &[Vec<Recipe>]) -> Sizes {
        let layout = Layout::new(
            graph.parameters.iter().map(Parameter::len).collect(),
            device.base_alignment,
        );
        let has_own = |node: &crate::network::Node| node.gradient == Gradient::Own;
        let all = || recipes.iter().flatten();
        let most = all().map(|recipe| recipe.scratch.len()).max().unwrap_or(0);
        let longest =
            |slot: usize| all().filter_map(|recipe| recipe.scratch.get(slot)).copied().max();
        Sizes {
            arenas: 3 + graph.optimizer.states(),
            values: graph.values.iter().map(crate::network::Node::len).collect(),
            gradients: graph
                .values
                .iter()
                .map(|node| if has_own(node) { node.len() } else { 0 })
                .collect(),
            labels: graph.batch(),
            saved: graph.layers.iter().map(|layer| saved(layer, kind)).collect(),
            scratch: (0..most).map(|slot| longest(slot).unwrap_or(0)).collect(),
            tables: all().flat_map(|recipe| &recipe.tables).map(Vec::len).sum::<usize>()
                + layout.pieces().len(),
            layout,
        }
    }

    /// Of each buffer.
    pub fn lengths(&self) -> Vec<usize> {
        let mut all = vec![self.layout.total; self.arenas];
        all.extend(self.values.iter().chain(&self.gradients));
        all.extend([self.labels, self.labels, self.tables]);
        all.extend(self.saved.iter().flatten().chain(&self.scratch));
        all
    }

    /// Bytes beside parameters, gradients, state, mini-batch and activations.
    pub fn scratch_bytes(&self) -> u64 {
        let floats: usize = self.saved.iter().flatten().chain(&self.scratch).sum();
        4 * (floats + self.tables + self.labels) as u64
    }
}

/// Floats of the buffers that a layer works with beside its values.
fn saved(layer: &Layer, kind: Kind) -> Vec<usize> {
    match layer {
        Layer::Linear(l) if l.activation == Activation::Gelu => vec![l.rows * l.outputs],
        // Means and scales.
        Layer::BatchNorm(l) => vec![l.c; 2],
        Layer::LayerNorm(l) => vec![l.rows; 2],
        Layer::Attention(l) => attention::saved(l),
        Layer::Lstm(l) => lstm::saved(l, kind),
        Layer::Linear(_) | Layer::Conv(_) | Layer::Mean(_) => Vec::new(),
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
}

impl Memory {
    /// Allocates, if all of it fits.
    pub fn new(device: &OpenClDevice, sizes: &Sizes) -> Result<Memory> {
        let lengths = sizes.lengths();
        device.check_memory(&lengths)?;
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
            layout: sizes.layout.clone(),
        })
    }

    /// The tensor that holds the gradient of a value.
    pub fn gradient(&self, graph: &Graph, value: usize) -> Result<&Buffer> {
        let own = self.value_gradients[graph.gradient_of(value)].as_ref();
        own.ok_or_else(|| Error::device(format!("value {value} has no gradient")))
    }

    /// Fills everything that a step computes on its way.
    pub fn fill(&self, device: &OpenClDevice, value: f32) -> Result<()> {
        let gradients = self.value_gradients.iter().flatten();
        let all = self.values[1..].iter().chain(gradients).chain([&self.losses]);
        for buffer in all.chain(self.saved.iter().flatten()).chain(&self.scratch) {
            let (queue, mem, len) = (&device.queue, &buffer.mem, buffer.len);
            let (none, no_event) = (None::<&Event>, None::<&mut Event>);
            core::enqueue_fill_buffer(queue, mem, value, 0, len, none, no_event, None)
                .map_err(|e| device.refused("filling a buffer", &e))?;
        }
        core::finish(&device.queue).map_err(|e| device.refused("filling a buffer", &e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_lie_aligned_between_fences_that_notice_a_write() {
        let layout = Layout::new(vec![1, 100, 20_000], 32);
        let mut whole = layout.filled(f32::POISON);
        assert!(layout.starts.iter().all(|start| start % 32 == 0));
        let lengths: Vec<usize> = layout.tensors(&whole).map(<[f32]>::len).collect();
        assert_eq!(lengths, [1, 100, 20_000]);
        assert!(layout.tensors(&whole).flatten().all(|value| value.is_nan()));
        assert!(layout.foreign(&whole).is_none());
        for at in [0, layout.starts[0] + 1, layout.starts[1] - 1, layout.total - 1] {
            let kept = std::mem::replace(&mut whole[at], 7.0);
            assert_eq!(layout.foreign(&whole), Some(7.0), "{at}");
            whole[at] = kept;
        }
    }

    #[test]
    fn pieces_are_the_tensors_and_nothing_else() {
        let layout = Layout::new(vec![1, PIECE, PIECE + 1], 32);
        let mut whole = vec![0.0f32; layout.total];
        for piece in layout.pieces().chunks_exact(2) {
            assert!(piece[1] as usize <= PIECE);
            whole[piece[0] as usize..][..piece[1] as usize].iter_mut().for_each(|v| *v += 1.0);
        }
        assert!(layout.tensors(&whole).flatten().all(|v| *v == 1.0));
        assert_eq!(whole.iter().sum::<f32>() as usize, 2 * PIECE + 2);
    }
}
