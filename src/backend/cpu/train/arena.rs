//! Tensors in one piece of memory, each on a cache line of its own and between fences, which show whether
//! something was written past its ends.

use crate::backend::cpu::aligned::{Aligned, LINE};
use crate::tensor::{Element, FENCE};

/// Tensors by number; see the module.
pub struct Arena {
    memory: Aligned,
    /// Start and length of each tensor.
    places: Vec<(usize, usize)>,
}

impl Arena {
    /// Tensors of these lengths, all zeros.
    pub fn new(lengths: impl IntoIterator<Item = usize>) -> Arena {
        let mut places = Vec::new();
        let mut at = FENCE;
        for len in lengths {
            places.push((at, len));
            at = (at + len).next_multiple_of(LINE) + FENCE;
        }
        let mut arena = Arena { memory: Aligned::zeros(at), places };
        arena.memory.fill(f32::SENTINEL);
        arena.fill(0.0);
        arena
    }

    /// Tensor number `i`.
    pub fn get(&self, i: usize) -> &[f32] {
        let (start, len) = self.places[i];
        &self.memory[start..start + len]
    }

    /// Tensor number `i`, to be written.
    pub fn get_mut(&mut self, i: usize) -> &mut [f32] {
        let (start, len) = self.places[i];
        &mut self.memory[start..start + len]
    }

    /// Start and length of each tensor in `memory`.
    pub fn places(&self) -> &[(usize, usize)] {
        &self.places
    }

    /// Tensors and fences.
    pub fn memory_mut(&mut self) -> &mut [f32] {
        &mut self.memory
    }

    /// Every tensor in order, to be written.
    fn each_mut(&mut self) -> impl Iterator<Item = &mut [f32]> {
        let mut rest = &mut self.memory[..];
        let mut done = 0;
        self.places.iter().map(move |(start, len)| {
            let (_, behind) = std::mem::take(&mut rest).split_at_mut(start - done);
            let (tensor, behind) = behind.split_at_mut(*len);
            (rest, done) = (behind, start + len);
            tensor
        })
    }

    /// Writes one number everywhere.
    pub fn fill(&mut self, value: f32) {
        self.each_mut().for_each(|tensor| tensor.fill(value));
    }

    /// Writes all tensors.
    pub fn set<'v>(&mut self, values: impl Iterator<Item = &'v [f32]>) {
        self.each_mut().zip(values).for_each(|(tensor, values)| tensor.copy_from_slice(values));
    }

    /// Fills tensors with poison and mends the fences.
    pub fn poison(&mut self) {
        self.memory.fill(f32::SENTINEL);
        self.fill(f32::POISON);
    }

    /// Appends every tensor to `to`.
    pub fn append_to(&self, to: &mut Vec<f32>) {
        (0..self.places.len()).for_each(|i| to.extend_from_slice(self.get(i)));
    }

    /// Whether something was written between the tensors.
    pub fn is_broken(&self) -> bool {
        let ends = self.places.iter().map(|(start, len)| start + len);
        let starts = self.places.iter().map(|(start, _)| *start).chain([self.memory.len()]);
        let mut gaps = [0].into_iter().chain(ends).zip(starts);
        gaps.any(|(from, to)| self.memory[from..to].iter().any(|x| !x.is_same(f32::SENTINEL)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_stand_between_fences() {
        let mut arena = Arena::new([3, 16, 1]);
        arena.set([&[1.0; 3][..], &[2.0; 16], &[3.0]].into_iter());
        assert_eq!(arena.get(1), [2.0; 16]);
        assert!((0..3).all(|i| arena.get(i).as_ptr().addr().is_multiple_of(64)));
        assert!(!arena.is_broken());
        for (start, len) in arena.places().to_vec() {
            for at in [start - 1, start + len] {
                let before = arena.memory[at];
                arena.memory_mut()[at] = 0.0;
                assert!(arena.is_broken(), "{at}");
                arena.memory_mut()[at] = before;
            }
        }
        arena.poison();
        assert!(!arena.is_broken() && arena.get(2)[0].is_nan());
        let mut all = Vec::new();
        arena.append_to(&mut all);
        assert_eq!(all.len(), 20);
    }
}
