//! The operands of a problem, which all that compute on them share: they are read, and by nobody written.

use std::ops::Deref;
use std::sync::Arc;

use super::Tensor;

/// See the module.
#[derive(Clone, Debug)]
pub struct Operands {
    tensors: Arc<[Tensor]>,
    /// Of each tensor, as it was made.
    checksums: Arc<[u64]>,
}

impl Operands {
    /// The number of the first tensor that is no longer as it was made. Nothing may write to them; that
    /// something did all the same, which only unsafe code can, shows here.
    pub fn first_changed(&self) -> Option<usize> {
        let mut pairs = self.tensors.iter().zip(self.checksums.iter());
        pairs.position(|(tensor, sum)| checksum(tensor.bytes()) != *sum)
    }
}

impl From<Vec<Tensor>> for Operands {
    fn from(tensors: Vec<Tensor>) -> Operands {
        let checksums = tensors.iter().map(|tensor| checksum(tensor.bytes())).collect();
        Operands { tensors: tensors.into(), checksums }
    }
}

impl Deref for Operands {
    type Target = [Tensor];

    fn deref(&self) -> &[Tensor] {
        &self.tensors
    }
}

/// A sum of words, each times an odd number of its own: any word that changes, changes it.
fn checksum(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let words = words.iter().chain([&last]);
    let terms =
        (0u64..).zip(words).map(|(i, word)| u64::from_le_bytes(*word).wrapping_mul(2 * i + 1));
    terms.fold(0, u64::wrapping_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terms::Format;

    #[test]
    fn every_change_of_a_number_shows() {
        for format in [Format::F32, Format::Bf16] {
            for len in [1, 2, 3, 4, 5, 1000] {
                let zeros = Tensor::zeros(format, len);
                let sum = checksum(zeros.bytes());
                for place in 0..len {
                    let mut other = zeros.clone();
                    other.set(place, -0.0);
                    assert_ne!(checksum(other.bytes()), sum, "{format:?} {place} of {len}");
                }
            }
        }
        let operands = Operands::from(vec![Tensor::zeros(Format::F32, 3)]);
        assert_eq!(operands.first_changed(), None);
        let changed = Operands { checksums: [1].into(), ..operands };
        assert_eq!(changed.first_changed(), Some(0));
    }
}
