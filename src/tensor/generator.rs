//! The counter-based generator: any element can be computed alone, on any machine, to the bit.

/// Odd constant of the generator's counter (2^64 over the golden ratio), as in splitmix64.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// splitmix64's output function.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The generator of one tensor.
#[derive(Clone, Copy, Debug)]
pub struct Generator {
    key: u64,
}

impl Generator {
    /// That of tensor number `tensor` under `seed`.
    pub fn new(seed: u64, tensor: u64) -> Generator {
        Generator { key: mix(seed ^ mix(tensor)) }
    }

    /// Element `i` as 24 random bits.
    pub fn bits(self, i: u64) -> u64 {
        mix(self.key.wrapping_add(i.wrapping_add(1).wrapping_mul(GOLDEN))) >> 40
    }

    /// Element `i`, a whole number below `n`.
    pub fn below(self, i: u64, n: usize) -> usize {
        (self.bits(i) as usize * n) >> 24
    }

    /// Element `i`, uniform in [-bound, bound).
    pub fn uniform(self, i: u64, bound: f32) -> f32 {
        (self.bits(i) as i64 - (1 << 23)) as f32 * 2f32.powi(-23) * bound
    }

    /// Element `i`, a whole number uniform in [-most, most].
    pub fn integer(self, i: u64, most: u64) -> f32 {
        ((self.bits(i) * (2 * most + 1)) >> 24) as f32 - most as f32
    }

    /// The first `n` elements as 1 or -1.
    pub fn signs(self, n: usize) -> Vec<f64> {
        (0..n as u64).map(|i| self.sign(i)).collect()
    }

    /// Element `i` as 1 or -1.
    pub fn sign(self, i: u64) -> f64 {
        (self.bits(i) & 1) as f64 * 2.0 - 1.0
    }

    /// A random permutation of `0..n` (Fisher-Yates), from the elements behind `offset`.
    pub fn shuffle(self, n: usize, offset: u64) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        for i in (1..n).rev() {
            order.swap(i, (self.bits(offset + i as u64) as usize) % (i + 1));
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_the_published_one() {
        let generator = Generator::new(1, 0);
        let bits: Vec<u64> = (0..4).map(|i| generator.bits(i)).collect();
        assert_eq!(bits, [12578688, 6247724, 7353183, 16007422]);
        let values: Vec<f32> = (0..4).map(|i| generator.uniform(i, 0.5)).collect();
        assert_eq!(values, [0.249_748_23, -0.127_606_63, -0.061_716_14, 0.454_116_7]);
        let labels: Vec<u64> =
            (0..8).map(|i| (Generator::new(1, 1_000_001).bits(i) * 10) >> 24).collect();
        assert_eq!(labels, [0, 2, 9, 5, 2, 8, 4, 0]);
    }

    #[test]
    fn a_shuffle_is_a_permutation() {
        let mut order = Generator::new(1, 9).shuffle(10, 0);
        assert_ne!(order, (0..10).collect::<Vec<_>>());
        order.sort_unstable();
        assert_eq!(order, (0..10).collect::<Vec<_>>());
    }
}
