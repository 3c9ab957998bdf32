//! What operands hold.

use super::values::{Element, Tensor, with_element};
use super::{Generator, Operands};
use crate::terms::Format;

/// Which numbers the operands hold. Each is drawn first and rounded once, to the nearest of its format.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Data {
    /// The measured data: uniform in [-1, 1) under this seed, with 24 random bits, of f64 with 48.
    Random(u64),
    /// Whole numbers in [-most, most], so that a result is exact in any order of summation.
    Integers {
        /// Seed of the generator.
        seed: u64,
        /// Largest magnitude.
        most: u64,
    },
    /// 1 and -1 alone, under this seed: a sum of any length stays small and exact.
    Signs(u64),
    /// 1 and -1, in operand 0 between zeros: about this share of its elements is not zero. Sums of its
    /// products with another operand stay as small as they are few.
    Sparse {
        /// Seed of the generator.
        seed: u64,
        /// Share of operand 0 that is not zero.
        share: f64,
    },
    /// Operand 0 uniform in [centre - spread, centre + spread), the others as the measured data are.
    Around {
        /// Seed of the generator.
        seed: u64,
        /// The middle of operand 0.
        centre: f32,
        /// How far it goes to either side; zero makes all elements the same.
        spread: f32,
    },
}

/// Where draws begin that are not the first of their element.
const SECOND_DRAW: u64 = 1 << 62;

impl Data {
    /// Operand number `tensor`, `len` elements of a format.
    pub fn fill(self, tensor: u64, format: Format, len: usize) -> Tensor {
        with_element!(format, T => T::tensor(self.values::<T>(tensor, len)))
    }

    /// All operands of a format, by the lengths that they have.
    pub fn operands(self, format: Format, lengths: &[usize]) -> Operands {
        let fill = |(tensor, len): (usize, &usize)| self.fill(tensor as u64, format, *len);
        lengths.iter().enumerate().map(fill).collect::<Vec<_>>().into()
    }

    /// Operand number `tensor` as plain values.
    pub fn values<T: Element>(self, tensor: u64, len: usize) -> Vec<T> {
        let element = self.elements::<T>(tensor);
        (0..len as u64).map(element).collect()
    }

    /// Element by element, operand `tensor` is this.
    fn elements<T: Element>(self, tensor: u64) -> impl Fn(u64) -> T {
        let generator = Generator::new(self.seed(), tensor);
        move |i| {
            T::nearest(match self {
                Data::Random(_) if T::FORMAT == Format::F64 => {
                    let low = f64::from(generator.uniform(i + SECOND_DRAW, 0.5)) + 0.5;
                    f64::from(generator.uniform(i, 1.0)) + low * 2f64.powi(-23)
                }
                Data::Around { centre, spread, .. } if tensor == 0 => {
                    f64::from(centre) + f64::from(generator.uniform(i, spread))
                }
                Data::Random(_) | Data::Around { .. } => f64::from(generator.uniform(i, 1.0)),
                Data::Integers { most, .. } => f64::from(generator.integer(i, most)),
                Data::Sparse { share, .. } if tensor == 0 => {
                    let is_kept = generator.bits(i + SECOND_DRAW) as f64 * 2f64.powi(-24) < share;
                    if is_kept { generator.sign(i) } else { 0.0 }
                }
                Data::Signs(_) | Data::Sparse { .. } => generator.sign(i),
            })
        }
    }

    fn seed(self) -> u64 {
        match self {
            Data::Random(seed)
            | Data::Signs(seed)
            | Data::Integers { seed, .. }
            | Data::Around { seed, .. }
            | Data::Sparse { seed, .. } => seed,
        }
    }
}

#[cfg(test)]
mod tests;
