//! The values of a tensor as they lie in memory, in the format of its dtype.

use std::ops::Range;

use half::{bf16, f16};

use crate::terms::Format;

/// A number that a tensor can hold.
///
/// # Safety
///
/// Any bits are such a number, and it has no padding.
pub unsafe trait Element: Copy + Send + Sync + 'static {
    /// Its format.
    const FORMAT: Format;
    /// What the elements of a fence hold. Compared by bits, so that any write shows.
    const SENTINEL: Self;
    /// A NaN: what an output holds before a verified run, so that an element that is never written shows.
    const POISON: Self;

    /// The number, exactly.
    fn to_f64(self) -> f64;

    /// The nearest number of this format, of two equally near ones the even one.
    fn nearest(value: f64) -> Self;

    /// Whether both have the same bits.
    fn is_same(self, other: Self) -> bool;

    /// The values in view, if they are of this format.
    fn of(view: Values<'_>) -> Option<&[Self]>;

    /// A view of values.
    fn view(values: &[Self]) -> Values<'_>;

    /// As a tensor.
    fn tensor(values: Vec<Self>) -> Tensor;
}

macro_rules! element {
    ($number:ty, $format:ident, $sentinel:expr, $poison:expr, $to:expr, $from:expr) => {
        // SAFETY: a binary floating-point number; every bit pattern is one, if only a NaN.
        unsafe impl Element for $number {
            const FORMAT: Format = Format::$format;
            const SENTINEL: Self = <$number>::from_bits($sentinel);
            const POISON: Self = <$number>::from_bits($poison);

            fn to_f64(self) -> f64 {
                $to(self)
            }

            fn nearest(value: f64) -> Self {
                $from(value)
            }

            fn is_same(self, other: Self) -> bool {
                self.to_bits() == other.to_bits()
            }

            fn of(view: Values<'_>) -> Option<&[Self]> {
                match view {
                    Values::$format(values) => Some(values),
                    _ => None,
                }
            }

            fn view(values: &[Self]) -> Values<'_> {
                Values::$format(values)
            }

            fn tensor(values: Vec<Self>) -> Tensor {
                Tensor::$format(values)
            }
        }
    };
}

element!(f64, F64, 0xDEAD_BEEF_DEAD_BEEF, 0x7FF8_0000_0000_0BAD, |v| v, |v| v);
element!(f32, F32, 0xDEAD_BEEF, 0x7FC0_0BAD, f64::from, |v| v as f32);
element!(f16, F16, 0xDEAD, 0x7EBA, f16::to_f64, |v| f16::from_f32(to_odd(v)));
element!(bf16, Bf16, 0xDEAD, 0x7FCB, bf16::to_f64, |v| bf16::from_f32(to_odd(v)));

/// An f64 as f32, rounded to odd: what lies between two numbers goes to the one whose last bit is 1, so
/// that rounding once more, to a format at least two bits shorter, gives what one rounding would
/// (Boldo and Melquiond, "Emulation of FMA and correctly rounded sums: proved algorithms using rounding to
/// odd", 2008). `half` 2.7 rounds twice on the way from f64, so [`Element::nearest`] has another name than its
/// conversions, which would be called in its place.
fn to_odd(value: f64) -> f32 {
    let nearest = value as f32;
    let (bits, back) = (nearest.to_bits(), f64::from(nearest));
    if back == value || bits & 1 == 1 || !nearest.is_finite() {
        return nearest;
    }
    // The neighbour on the other side of the value is the odd one.
    f32::from_bits(if back.abs() < value.abs() { bits + 1 } else { bits - 1 })
}

/// The values of a tensor, row-major and dense.
#[derive(Clone, Debug)]
pub enum Tensor {
    /// binary64.
    F64(Vec<f64>),
    /// binary32.
    F32(Vec<f32>),
    /// binary16.
    F16(Vec<f16>),
    /// bfloat16.
    Bf16(Vec<bf16>),
}

/// The values of a tensor, or of a part of one, where they lie.
#[derive(Clone, Copy, Debug)]
pub enum Values<'a> {
    /// binary64.
    F64(&'a [f64]),
    /// binary32.
    F32(&'a [f32]),
    /// binary16.
    F16(&'a [f16]),
    /// bfloat16.
    Bf16(&'a [bf16]),
}

/// Evaluates an expression with the values of a tensor or a view, whatever their type is.
macro_rules! with_values {
    ($tensor:expr, $values:ident => $result:expr) => {
        match $tensor.view() {
            $crate::tensor::Values::F64($values) => $result,
            $crate::tensor::Values::F32($values) => $result,
            $crate::tensor::Values::F16($values) => $result,
            $crate::tensor::Values::Bf16($values) => $result,
        }
    };
}
pub(crate) use with_values;

/// Evaluates an expression with the values of a tensor, to be written, whatever their type is.
macro_rules! with_values_mut {
    ($tensor:expr, $values:ident => $result:expr) => {
        match $tensor {
            $crate::tensor::Tensor::F64($values) => $result,
            $crate::tensor::Tensor::F32($values) => $result,
            $crate::tensor::Tensor::F16($values) => $result,
            $crate::tensor::Tensor::Bf16($values) => $result,
        }
    };
}
pub(crate) use with_values_mut;

/// Evaluates an expression with a type alias for the numbers of a format.
macro_rules! with_element {
    ($format:expr, $element:ident => $result:expr) => {
        match $format {
            $crate::terms::Format::F64 => {
                type $element = f64;
                $result
            }
            $crate::terms::Format::F32 => {
                type $element = f32;
                $result
            }
            $crate::terms::Format::F16 => {
                type $element = half::f16;
                $result
            }
            $crate::terms::Format::Bf16 => {
                type $element = half::bf16;
                $result
            }
        }
    };
}
pub(crate) use with_element;

impl Tensor {
    /// `len` zeros.
    pub fn zeros(format: Format, len: usize) -> Tensor {
        with_element!(format, T => T::tensor(vec![T::nearest(0.0); len]))
    }

    /// `len` elements of poison.
    pub fn poison(format: Format, len: usize) -> Tensor {
        with_element!(format, T => T::tensor(vec![T::POISON; len]))
    }

    /// An output buffer on the host: `len` elements of poison between two fences.
    pub fn fenced(format: Format, len: usize) -> Tensor {
        with_element!(format, T => T::tensor(super::fenced(len)))
    }

    /// Numbers rounded to a format.
    pub fn rounded(format: Format, values: impl Iterator<Item = f64>) -> Tensor {
        with_element!(format, T => T::tensor(values.map(T::nearest).collect()))
    }

    /// Its values where they lie.
    pub fn view(&self) -> Values<'_> {
        match self {
            Tensor::F64(values) => Values::F64(values),
            Tensor::F32(values) => Values::F32(values),
            Tensor::F16(values) => Values::F16(values),
            Tensor::Bf16(values) => Values::Bf16(values),
        }
    }

    /// The format of its values.
    pub fn format(&self) -> Format {
        self.view().format()
    }

    /// How many values it has.
    pub fn len(&self) -> usize {
        self.view().len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.view().is_empty()
    }

    /// Value `i`, exactly.
    pub fn get(&self, i: usize) -> f64 {
        self.view().get(i)
    }

    /// Replaces value `i` by the nearest number of its format.
    pub fn set(&mut self, i: usize, value: f64) {
        with_values_mut!(self, values => values[i] = Element::nearest(value));
    }

    /// All values, exactly.
    pub fn to_f64s(&self) -> Vec<f64> {
        self.view().to_f64s()
    }

    /// The values of a tensor that its owner made in this type.
    pub fn values<T: Element>(&self) -> &[T] {
        self.view().values()
    }

    /// The values of a tensor of f32.
    pub fn f32s(&self) -> &[f32] {
        self.values()
    }

    /// Values `range` alone, as a tensor of their own.
    pub fn slice(&self, range: Range<usize>) -> Tensor {
        fn part<T: Element>(values: &[T]) -> Tensor {
            T::tensor(values.to_vec())
        }
        with_values!(self, values => part(&values[range]))
    }

    /// Takes over the values of another tensor of the same format and length.
    pub fn copy_from(&mut self, other: &Tensor) {
        with_values_mut!(self, values => values.copy_from_slice(other.values()));
    }

    /// As they lie in memory, in the byte order of this machine.
    pub fn bytes(&self) -> &[u8] {
        with_values!(self, values => bytes(values))
    }

    /// As they lie in memory, to be written: any bytes are some number.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        with_values_mut!(self, values => bytes_mut(values))
    }

    /// Makes it poison between fences, as [`Tensor::fenced`] is.
    pub fn fence(&mut self) {
        with_values_mut!(self, values => super::fence(values));
    }
}

impl<'a> Values<'a> {
    /// Itself: what takes values takes tensors and views.
    pub fn view(self) -> Values<'a> {
        self
    }

    /// The format of its values.
    pub fn format(self) -> Format {
        fn format<T: Element>(_: &[T]) -> Format {
            T::FORMAT
        }
        with_values!(self, values => format(values))
    }

    /// How many values there are.
    pub fn len(self) -> usize {
        with_values!(self, values => values.len())
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Value `i`, exactly.
    pub fn get(self, i: usize) -> f64 {
        with_values!(self, values => values[i].to_f64())
    }

    /// All values, exactly.
    pub fn to_f64s(self) -> Vec<f64> {
        with_values!(self, values => values.iter().map(|v| v.to_f64()).collect())
    }

    /// The values of a tensor that its owner made in this type.
    pub fn values<T: Element>(self) -> &'a [T] {
        T::of(self).expect("a tensor is read in the format in which it was made")
    }

    /// The values of a tensor of f32.
    pub fn f32s(self) -> &'a [f32] {
        self.values()
    }

    /// Values `range` alone.
    pub fn slice(self, range: Range<usize>) -> Values<'a> {
        with_values!(self, values => Element::view(&values[range]))
    }

    /// Whether all values have the same bits as those of another tensor of this format.
    pub fn is_same(self, other: Values<'_>) -> bool {
        with_values!(self, values => bytes(values) == bytes(other.values_like(values)))
    }

    /// Its values, which are of the type of others.
    fn values_like<T: Element>(self, _: &[T]) -> &'a [T] {
        self.values()
    }
}

/// Numbers as they lie in memory, in the byte order of this machine.
pub fn bytes<T: Element>(values: &[T]) -> &[u8] {
    // SAFETY: elements are plain numbers without padding, so that all their bytes are initialised; the
    // bytes are as many as the values take, and borrow from them.
    unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), size_of_val(values)) }
}

/// Numbers as they lie in memory, to be written: any bytes are some number.
pub fn bytes_mut<T: Element>(values: &mut [T]) -> &mut [u8] {
    // SAFETY: as in `bytes`; the borrow is exclusive, and an element may have any bits, so that whatever
    // is written is a number.
    unsafe { std::slice::from_raw_parts_mut(values.as_mut_ptr().cast(), size_of_val(values)) }
}

impl From<Vec<f32>> for Tensor {
    fn from(values: Vec<f32>) -> Tensor {
        Tensor::F32(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMATS: [Format; 4] = [Format::F64, Format::F32, Format::F16, Format::Bf16];

    #[test]
    fn numbers_are_rounded_to_the_nearest_and_ties_to_the_even_one() {
        // 1 + 2^-8 lies between 1 and 1 + 2^-7 of bf16; 1 + 3 * 2^-8 between 1 + 2^-7 and 1 + 2^-6.
        let step = 2f64.powi(-8);
        let values = [1.0, 1.0 + step, 1.0 + 3.0 * step, 1.0 + 1.01 * step, -1.0 - step];
        let rounded = Tensor::rounded(Format::Bf16, values.into_iter());
        let expected = [1.0, 1.0, 1.0 + 4.0 * step, 1.0 + 2.0 * step, -1.0];
        assert_eq!(rounded.to_f64s(), expected);
        assert_eq!(Tensor::rounded(Format::F64, values.into_iter()).to_f64s(), values);
    }

    #[test]
    fn numbers_next_to_a_tie_are_rounded_once() {
        let little = 2f64.powi(-40);
        for (value, f16, bf16) in [
            (1.0 + 2f64.powi(-11) + little, 1.0 + 2f64.powi(-10), 1.0),
            (1.0 + 2f64.powi(-11) - little, 1.0, 1.0),
            (1.0 + 2f64.powi(-8) + little, 1.0 + 2f64.powi(-8), 1.0 + 2f64.powi(-7)),
            (1.0 + 2f64.powi(-8) - little, 1.0 + 2f64.powi(-8), 1.0),
            (65519.999999999, 65504.0, 65536.0),
        ] {
            for sign in [1.0, -1.0] {
                let rounded = |format| Tensor::rounded(format, [sign * value].into_iter()).get(0);
                assert_eq!(rounded(Format::F16), sign * f16, "{value}");
                assert_eq!(rounded(Format::Bf16), sign * bf16, "{value}");
            }
        }
    }

    #[test]
    fn bytes_are_those_of_the_values() {
        for format in FORMATS {
            let mut tensor = Tensor::rounded(format, [1.0, -2.0, 0.5].into_iter());
            assert_eq!((tensor.format(), tensor.len()), (format, 3));
            assert_eq!(tensor.bytes().len() as u64, 3 * format.bytes());
            let mut other = Tensor::zeros(format, 3);
            other.bytes_mut().copy_from_slice(tensor.bytes());
            assert_eq!(other.to_f64s(), [1.0, -2.0, 0.5]);
            assert!(tensor.view().is_same(other.view()));
            tensor.set(1, 2.0);
            assert!(!tensor.view().is_same(other.view()));
            // Zeros of both signs are equal numbers of other bits.
            other.copy_from(&Tensor::zeros(format, 3));
            other.set(2, -0.0);
            assert!(!other.view().is_same(Tensor::zeros(format, 3).view()));
            assert_eq!(tensor.view().slice(1..3).to_f64s(), [2.0, 0.5]);
            assert_eq!(tensor.slice(1..3).to_f64s(), [2.0, 0.5]);
            assert!(Tensor::poison(format, 1).get(0).is_nan());
        }
    }
}
