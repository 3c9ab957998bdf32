//! What numbers are stored and computed in.

use serde::{Deserialize, Serialize};

/// What a product is computed in. Operands and results travel as f32 whatever it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    /// Full binary32 products.
    F32,
    /// binary64.
    F64,
    /// binary16.
    F16,
}

impl Dtype {
    /// The word in the files.
    pub fn name(self) -> &'static str {
        match self {
            Dtype::F32 => "f32",
            Dtype::F64 => "f64",
            Dtype::F16 => "f16",
        }
    }

    /// Bits of the mantissa of a result, the hidden one included: results are stored as f32.
    pub fn mantissa_bits(self) -> u32 {
        match self {
            Dtype::F32 | Dtype::F64 => 24,
            Dtype::F16 => 11,
        }
    }
}
