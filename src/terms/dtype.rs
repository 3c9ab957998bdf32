//! What numbers are stored and computed in.

use super::word::words;

words! {
    /// A binary floating-point format of IEEE 754, or bfloat16: the upper half of binary32.
    pub enum Format {
        /// binary64.
        F64 = "f64",
        /// binary32.
        F32 = "f32",
        /// binary16.
        F16 = "f16",
        /// bfloat16.
        Bf16 = "bf16",
    }
}

impl Format {
    /// Bytes of a number.
    pub const fn bytes(self) -> u64 {
        match self {
            Format::F64 => 8,
            Format::F32 => 4,
            Format::F16 | Format::Bf16 => 2,
        }
    }

    /// Bits of the significand, the hidden one included: whole numbers up to 2 to this are exact.
    pub const fn precision(self) -> u32 {
        match self {
            Format::F64 => 53,
            Format::F32 => 24,
            Format::F16 => 11,
            Format::Bf16 => 8,
        }
    }

    /// Half the distance from 1 to the next number: most that rounding to nearest may change a number
    /// by, relative to it.
    pub fn unit_roundoff(self) -> f64 {
        0.5f64.powi(self.precision() as i32)
    }

    /// How far `k` roundings can bring a number, relatively: gamma(k) = k u / (1 - k u) with the unit
    /// roundoff u (Higham, "Accuracy and Stability of Numerical Algorithms", section 3.1); infinity where
    /// there is no such bound.
    pub fn gamma(self, k: f64) -> f64 {
        let rounded = k * self.unit_roundoff();
        if rounded < 1.0 { rounded / (1.0 - rounded) } else { f64::INFINITY }
    }
}

/// Where which format is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Formats {
    /// Of operands and results in memory.
    pub storage: Format,
    /// Of sums of products.
    pub accumulator: Format,
}

impl Formats {
    /// Whether a result is rounded once more when it is stored.
    pub fn rounds_results(self) -> bool {
        self.storage.precision() < self.accumulator.precision()
    }

    /// What that costs a result at the most, relatively; nothing where it is not rounded.
    pub fn result_roundoff(self) -> f64 {
        if self.rounds_results() { self.storage.unit_roundoff() } else { 0.0 }
    }
}

words! {
    /// What a workload is stored and computed in. Operands and results lie in memory in one format; sums of
    /// products are kept in another, which is at least as exact.
    #[derive(Default, PartialOrd, Ord)]
    pub enum Dtype {
        /// binary32, with full products: operands are not shortened on the way.
        #[default]
        F32 = "f32",
        /// binary64.
        F64 = "f64",
        /// binary16 in memory, sums in binary32.
        F16 = "f16",
        /// bfloat16 in memory, sums in binary32.
        Bf16 = "bf16",
    }
}

impl Dtype {
    /// The formats that it stands for.
    pub const fn formats(self) -> Formats {
        let (storage, accumulator) = match self {
            Dtype::F32 => (Format::F32, Format::F32),
            Dtype::F64 => (Format::F64, Format::F64),
            Dtype::F16 => (Format::F16, Format::F32),
            Dtype::Bf16 => (Format::Bf16, Format::F32),
        };
        Formats { storage, accumulator }
    }

    /// The format of operands and results in memory.
    pub const fn storage(self) -> Format {
        self.formats().storage
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_at_least_as_exact_as_results() {
        for dtype in Dtype::ALL {
            let Formats { storage, accumulator } = dtype.formats();
            assert!(accumulator.precision() >= storage.precision());
        }
    }

    #[test]
    fn the_unit_roundoff_is_half_an_ulp_of_one() {
        assert_eq!(Format::F64.unit_roundoff(), f64::EPSILON / 2.0);
        assert_eq!(Format::F32.unit_roundoff(), f64::from(f32::EPSILON) / 2.0);
        assert_eq!(Format::Bf16.unit_roundoff(), 2f64.powi(-8));
    }
}
