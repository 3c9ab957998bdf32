//! Data: the counter-based generator, and the fences round every output.

/// Odd constant of the generator's counter (2^64 over the golden ratio), as in splitmix64.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// Sentinel elements before and after every output.
pub const FENCE: usize = 64;

/// What the fence elements hold. Compared by bits, so that any write shows.
pub const SENTINEL: f32 = f32::from_bits(0xDEAD_BEEF);

/// What an output holds before a verified run: an element that is never written stays NaN.
pub const POISON: f32 = f32::from_bits(0x7FC0_0BAD);

/// splitmix64's output function.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// One stream of the generator: any element can be computed alone, on any machine, to the bit.
#[derive(Clone, Copy, Debug)]
pub struct Stream {
    key: u64,
}

impl Stream {
    /// The stream of tensor number `tensor` under `seed`.
    pub fn new(seed: u64, tensor: u64) -> Stream {
        Stream { key: mix(seed ^ mix(tensor)) }
    }

    /// Element `i` as 24 random bits.
    pub fn bits(self, i: u64) -> u64 {
        mix(self.key.wrapping_add(i.wrapping_add(1).wrapping_mul(GOLDEN))) >> 40
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
        (0..n as u64).map(|i| (self.bits(i) & 1) as f64 * 2.0 - 1.0).collect()
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

/// Which numbers the operands hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Data {
    /// The measured data: uniform in [-1, 1) under this seed.
    Random(u64),
    /// Whole numbers in [-most, most], so that a result is exact in any order of summation.
    Integers {
        /// Seed of the stream.
        seed: u64,
        /// Largest magnitude.
        most: u64,
    },
    /// 1 and -1 alone, under this seed: a sum of any length stays small and exact.
    Signs(u64),
}

impl Data {
    /// Operand number `tensor`, `len` elements.
    pub fn fill(self, tensor: u64, len: usize) -> Vec<f32> {
        let stream = Stream::new(self.seed(), tensor);
        (0..len as u64).map(|i| self.element(stream, i)).collect()
    }

    /// Element by element, operand `tensor` is this.
    fn element(self, stream: Stream, i: u64) -> f32 {
        match self {
            Data::Random(_) => stream.uniform(i, 1.0),
            Data::Integers { most, .. } => stream.integer(i, most),
            Data::Signs(_) => (stream.bits(i) & 1) as f32 * 2.0 - 1.0,
        }
    }

    fn seed(self) -> u64 {
        match self {
            Data::Random(seed) | Data::Integers { seed, .. } | Data::Signs(seed) => seed,
        }
    }

    /// Position of the first element of `values` that is not what [`Data::fill`] gives.
    pub fn first_difference(self, tensor: u64, values: &[f32]) -> Option<usize> {
        let stream = Stream::new(self.seed(), tensor);
        let differs =
            |(i, v): (usize, &f32)| v.to_bits() != self.element(stream, i as u64).to_bits();
        values.iter().enumerate().position(differs)
    }
}

/// An output buffer on the host: `len` poisoned elements between two fences.
pub fn fenced(len: usize) -> Vec<f32> {
    let mut buffer = vec![SENTINEL; len + 2 * FENCE];
    buffer[FENCE..FENCE + len].fill(POISON);
    buffer
}

/// The first fence element of `buffer` that was written, counted from the output's first element.
pub fn broken_fence(buffer: &[f32]) -> Option<isize> {
    let end = buffer.len() - FENCE;
    let fence = (0..FENCE).chain(end..buffer.len());
    fence
        .filter(|&i| buffer[i].to_bits() != SENTINEL.to_bits())
        .map(|i| i as isize - FENCE as isize)
        .next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_the_published_one() {
        let stream = Stream::new(1, 0);
        let bits: Vec<u64> = (0..4).map(|i| stream.bits(i)).collect();
        assert_eq!(bits, [12578688, 6247724, 7353183, 16007422]);
        let values: Vec<f32> = (0..4).map(|i| stream.uniform(i, 0.5)).collect();
        assert_eq!(values, [0.249_748_23, -0.127_606_63, -0.061_716_14, 0.454_116_7]);
        let labels: Vec<u64> =
            (0..8).map(|i| (Stream::new(1, 1_000_001).bits(i) * 10) >> 24).collect();
        assert_eq!(labels, [0, 2, 9, 5, 2, 8, 4, 0]);
    }

    #[test]
    fn integers_reach_both_ends_and_no_further() {
        let data = Data::Integers { seed: 3, most: 2 }.fill(0, 1000);
        for value in -2..=2 {
            assert!(data.contains(&(value as f32)));
        }
        assert!(data.iter().all(|v| v.abs() <= 2.0 && v.fract() == 0.0));
        let signs = Data::Signs(3).fill(0, 1000);
        assert!(signs.iter().all(|v| v.abs() == 1.0) && signs.iter().sum::<f32>().abs() < 200.0);
    }

    #[test]
    fn a_change_of_one_bit_shows() {
        let data = Data::Random(1);
        let mut values = data.fill(1, 100);
        assert_eq!(data.first_difference(1, &values), None);
        values[42] = f32::from_bits(values[42].to_bits() ^ 1);
        assert_eq!(data.first_difference(1, &values), Some(42));
    }

    #[test]
    fn fences_notice_writes_on_both_sides() {
        let mut buffer = fenced(5);
        assert_eq!(broken_fence(&buffer), None);
        buffer[FENCE + 5] = 0.0;
        assert_eq!(broken_fence(&buffer), Some(5));
        buffer[FENCE - 1] = f32::NAN;
        assert_eq!(broken_fence(&buffer), Some(-1));
    }

    #[test]
    fn a_shuffle_is_a_permutation() {
        let mut order = Stream::new(1, 9).shuffle(10, 0);
        assert_ne!(order, (0..10).collect::<Vec<_>>());
        order.sort_unstable();
        assert_eq!(order, (0..10).collect::<Vec<_>>());
    }
}
