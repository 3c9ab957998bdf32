//! Numbers that begin on a cache line, as operands of a framework do: stores past the caches want
//! whole lines.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use crate::tensor::Element;

/// Bytes of a cache line.
pub const LINE_BYTES: usize = 64;

/// Floats of a cache line.
pub const LINE: usize = LINE_BYTES / size_of::<f32>();

/// A cache line.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u8; LINE_BYTES]);

/// See the module.
pub struct Aligned<T: Element = f32> {
    lines: Vec<Line>,
    len: usize,
    element: PhantomData<T>,
}

impl<T: Element> Aligned<T> {
    /// So many elements whose bytes are all zero.
    pub fn zeros(len: usize) -> Aligned<T> {
        let lines = (len * size_of::<T>()).div_ceil(LINE_BYTES);
        Aligned { lines: vec![Line([0; LINE_BYTES]); lines], len, element: PhantomData }
    }
}

impl<T: Element> Default for Aligned<T> {
    fn default() -> Aligned<T> {
        Aligned::zeros(0)
    }
}

impl<T: Element> From<&[T]> for Aligned<T> {
    fn from(values: &[T]) -> Aligned<T> {
        let mut aligned = Aligned::zeros(values.len());
        aligned.copy_from_slice(values);
        aligned
    }
}

impl<T: Element> Deref for Aligned<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: lines are aligned to more than any element asks for and hold at least `len` of them;
        // all their bytes are initialised, and any bytes are an element.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl<T: Element> DerefMut for Aligned<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as above; the borrow of `self` is the only one.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_begin_on_a_line() {
        for len in [0, 1, 16, 1000] {
            let floats: Vec<f32> = (0..len).map(|i| i as f32).collect();
            let aligned = Aligned::from(&floats[..]);
            assert_eq!(*aligned, floats[..]);
            assert!(aligned.as_ptr().cast::<Line>().is_aligned());
            let doubles: Vec<f64> = (0..len).map(|i| i as f64).collect();
            assert_eq!(*Aligned::from(&doubles[..]), doubles[..]);
        }
    }
}
