//! What a training step takes on a device: where parameters lie in one buffer, and how long the others are.

use std::ops::Range;

use super::super::recipe::Recipe;
use super::{Kind, attention, lstm};
use crate::network::{Activation, Gradient, Graph, Layer, Node, Parameter};
use crate::tensor::{Element, FENCE};

/// Most elements that a work-group of the optimiser takes.
const PIECE: usize = 8192;

/// Where tensors lie in one buffer, with fences before, between and behind them.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The elements of each.
    pub parts: Vec<Range<usize>>,
    /// Elements of the whole.
    pub total: usize,
}

impl Layout {
    /// Each begins at a multiple of `alignment` elements, a power of two.
    pub fn new(lengths: impl IntoIterator<Item = usize>, alignment: usize) -> Layout {
        let mut end = 0;
        let parts = lengths.into_iter().map(|length| {
            let start = (end + FENCE).next_multiple_of(alignment.max(16));
            end = start + length;
            start..end
        });
        Layout { parts: parts.collect(), total: end + FENCE }
    }

    /// First element and length of every part that a work-group takes.
    pub fn pieces(&self) -> Vec<i32> {
        let pieces = |part: &Range<usize>| {
            let end = part.end;
            let piece = move |at: usize| [at as i32, PIECE.min(end - at) as i32];
            part.clone().step_by(PIECE).flat_map(piece)
        };
        self.parts.iter().flat_map(pieces).collect()
    }

    /// The whole, with these tensors between fences.
    pub fn fenced<'t>(&self, tensors: impl Iterator<Item = &'t [f32]>) -> Vec<f32> {
        let mut whole = vec![f32::SENTINEL; self.total];
        for (part, tensor) in self.parts.iter().zip(tensors) {
            whole[part.clone()].copy_from_slice(tensor);
        }
        whole
    }

    /// The whole, every element of the tensors this.
    pub fn filled(&self, value: f32) -> Vec<f32> {
        let mut whole = vec![f32::SENTINEL; self.total];
        self.parts.iter().for_each(|part| whole[part.clone()].fill(value));
        whole
    }

    /// The tensors of a whole, in order.
    pub fn tensors<'w>(&self, whole: &'w [f32]) -> impl Iterator<Item = &'w [f32]> + use<'_, 'w> {
        self.parts.iter().map(move |part| &whole[part.clone()])
    }

    /// What the first element of a fence holds that should not be there.
    pub fn foreign(&self, whole: &[f32]) -> Option<f32> {
        let ends = [0].into_iter().chain(self.parts.iter().map(|part| part.end));
        let starts = self.parts.iter().map(|part| part.start).chain([self.total]);
        let mut fences = ends.zip(starts).flat_map(|(end, start)| &whole[end..start]);
        fences.find(|value| !value.is_same(f32::SENTINEL)).copied()
    }
}

/// Floats of everything that a step takes.
pub struct Sizes {
    /// Of the parameters.
    pub layout: Layout,
    /// Arenas: parameters as they are and as they were, gradients, state.
    pub arenas: usize,
    /// Of each value.
    pub values: Vec<usize>,
    /// Of the gradient of each value; zero where it has none of its own.
    pub gradients: Vec<usize>,
    /// Of the labels.
    pub labels: usize,
    /// What layers keep for their backward pass or lay down on the way.
    pub saved: Vec<Vec<usize>>,
    /// What the kernels of convolutions share.
    pub scratch: Vec<usize>,
    /// Ints of tables.
    tables: usize,
}

impl Sizes {
    /// Of a network, with the recipes of its convolutions.
    pub fn of(alignment: usize, graph: &Graph, kind: Kind, recipes: &[Vec<Recipe>]) -> Sizes {
        let layout = Layout::new(graph.parameters.iter().map(Parameter::len), alignment);
        let has_own = |node: &Node| node.gradient == Gradient::Own;
        let all = || recipes.iter().flatten();
        let most = all().map(|recipe| recipe.scratch.len()).max().unwrap_or(0);
        let longest =
            |slot: usize| all().filter_map(|recipe| recipe.scratch.get(slot)).copied().max();
        Sizes {
            arenas: 3 + graph.optimizer.states(),
            values: graph.values.iter().map(Node::len).collect(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_lie_aligned_between_fences_that_notice_a_write() {
        let layout = Layout::new([1, 100, 20_000], 32);
        let mut whole = layout.filled(f32::POISON);
        assert!(layout.parts.iter().all(|part| part.start % 32 == 0));
        let lengths: Vec<usize> = layout.tensors(&whole).map(<[f32]>::len).collect();
        assert_eq!(lengths, [1, 100, 20_000]);
        assert!(layout.tensors(&whole).flatten().all(|value| value.is_nan()));
        assert!(layout.foreign(&whole).is_none());
        for at in [0, layout.parts[0].end, layout.parts[1].start - 1, layout.total - 1] {
            let kept = std::mem::replace(&mut whole[at], 7.0);
            assert_eq!(layout.foreign(&whole), Some(7.0), "{at}");
            whole[at] = kept;
        }
    }

    #[test]
    fn pieces_are_the_tensors_and_nothing_else() {
        let layout = Layout::new([1, PIECE, PIECE + 1], 32);
        let mut whole = vec![0.0f32; layout.total];
        for piece in layout.pieces().chunks_exact(2) {
            assert!(piece[1] as usize <= PIECE);
            whole[piece[0] as usize..][..piece[1] as usize].iter_mut().for_each(|v| *v += 1.0);
        }
        assert!(layout.tensors(&whole).flatten().all(|v| *v == 1.0));
        assert_eq!(whole.iter().sum::<f32>() as usize, 2 * PIECE + 2);
    }
}
