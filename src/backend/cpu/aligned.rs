//! Floats that begin on a cache line, as operands of a framework do: stores past the caches want
//! whole lines.

use std::ops::{Deref, DerefMut};

/// Floats of a cache line.
const LINE: usize = 16;

/// A cache line.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; LINE]);

/// See the module.
#[derive(Default)]
pub struct Aligned {
    lines: Vec<Line>,
    len: usize,
}

impl Aligned {
    /// So many zeros.
    pub fn zeros(len: usize) -> Aligned {
        Aligned { lines: vec![Line([0.0; LINE]); len.div_ceil(LINE)], len }
    }
}

impl From<&[f32]> for Aligned {
    fn from(floats: &[f32]) -> Aligned {
        let mut aligned = Aligned::zeros(floats.len());
        aligned.copy_from_slice(floats);
        aligned
    }
}

impl Deref for Aligned {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // SAFETY: lines are nothing but floats, and there are at least `len` of them.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as above; the borrow of `self` is the only one.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_begin_on_a_line() {
        for len in [0, 1, 16, 1000] {
            let floats: Vec<f32> = (0..len).map(|i| i as f32).collect();
            let aligned = Aligned::from(&floats[..]);
            assert_eq!(*aligned, floats[..]);
            assert!(aligned.as_ptr().cast::<Line>().is_aligned());
        }
    }
}
