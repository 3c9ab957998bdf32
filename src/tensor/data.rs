//! What operands hold.

use super::Generator;
use super::values::{Element, Tensor, with_element, with_values};
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
    pub fn operands(self, format: Format, lengths: &[usize]) -> Vec<Tensor> {
        let fill = |(tensor, len): (usize, &usize)| self.fill(tensor as u64, format, *len);
        lengths.iter().enumerate().map(fill).collect()
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

    /// Position of the first element of operand `tensor` that is not what [`Data::fill`] gives.
    pub fn first_difference(self, tensor: u64, found: &Tensor) -> Option<usize> {
        fn different<T: Element>(found: &[T], element: impl Fn(u64) -> T) -> Option<usize> {
            found.iter().enumerate().position(|(i, v)| !v.is_same(element(i as u64)))
        }
        with_values!(found, values => different(values, self.elements(tensor)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_reach_both_ends_and_no_further() {
        let data: Vec<f32> = Data::Integers { seed: 3, most: 2 }.values(0, 1000);
        for value in -2..=2 {
            assert!(data.contains(&(value as f32)));
        }
        assert!(data.iter().all(|v| v.abs() <= 2.0 && v.fract() == 0.0));
        let signs: Vec<f32> = Data::Signs(3).values(0, 1000);
        assert!(signs.iter().all(|v| v.abs() == 1.0) && signs.iter().sum::<f32>().abs() < 200.0);
    }

    #[test]
    fn a_share_of_the_first_operand_is_not_zero() {
        let data = Data::Sparse { seed: 3, share: 0.25 };
        let [first, second]: [Vec<f64>; 2] = [0, 1].map(|tensor| data.values(tensor, 4000));
        let kept = first.iter().filter(|v| v.abs() == 1.0).count();
        assert!(
            (900..1100).contains(&kept)
                && first.iter().filter(|v| **v == 0.0).count() == 4000 - kept
        );
        assert!(second.iter().all(|v| v.abs() == 1.0));
    }

    #[test]
    fn the_first_operand_lies_around_a_number_or_is_one() {
        let around: Vec<f32> =
            Data::Around { seed: 3, centre: 4096.0, spread: 1.0 }.values(0, 1000);
        assert!(around.iter().all(|v| (4095.0..=4097.0).contains(v)));
        let mean = around.iter().map(|v| f64::from(*v)).sum::<f64>() / 1000.0;
        assert!((mean - 4096.0).abs() < 0.1 && around[0] != around[1], "{mean}");
        let level = Data::Around { seed: 3, centre: 0.5, spread: 0.0 };
        assert_eq!(level.values::<f32>(0, 9), [0.5; 9]);
        assert_eq!(level.values::<f32>(1, 9), Data::Random(3).values::<f32>(1, 9));
    }

    /// Data of f64 that f32 could hold would not show who computes in f32.
    #[test]
    fn random_data_fill_the_whole_significand() {
        let data = Data::Random(1);
        let doubles: Vec<f64> = data.values(0, 1000);
        assert!(doubles.iter().all(|v| (-1.0..1.0).contains(v)));
        assert!(doubles.iter().filter(|v| f64::from(**v as f32) != **v).count() > 990);
        let floats: Vec<f32> = data.values(0, 1000);
        assert!(
            floats.iter().zip(&doubles).all(|(f, d)| (f64::from(*f) - d).abs() < 2f64.powi(-22))
        );
    }

    #[test]
    fn a_change_of_one_bit_shows() {
        for format in [Format::F64, Format::F32, Format::F16, Format::Bf16] {
            let mut values = Data::Random(1).fill(1, format, 100);
            assert_eq!(Data::Random(1).first_difference(1, &values), None);
            values.bytes_mut()[42 * format.bytes() as usize] ^= 1;
            assert_eq!(Data::Random(1).first_difference(1, &values), Some(42));
        }
    }
}
