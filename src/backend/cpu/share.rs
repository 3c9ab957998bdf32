//! What the tasks of a pool share: slices of which each writes its own part, and lengths of which each
//! takes an even part.

use std::marker::PhantomData;
use std::ops::Range;

/// A slice that tasks share, each its own part of it.
pub struct Each<'a, T> {
    start: *mut T,
    len: usize,
    borrow: PhantomData<&'a mut [T]>,
}

// SAFETY: the elements are only reached through unsafe code, which promises that no two tasks reach the
// same one unless both only read; and the borrow of the slice outlives all of them.
unsafe impl<T: Send> Sync for Each<'_, T> {}

impl<'a, T> Each<'a, T> {
    /// Shares a slice for as long as it is borrowed.
    pub fn new(slice: &'a mut [T]) -> Each<'a, T> {
        Each { start: slice.as_mut_ptr(), len: slice.len(), borrow: PhantomData }
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Where element `start` lies, which may be the end of the slice. Panics beyond that.
    pub fn at(&self, start: usize) -> *mut T {
        assert!(start <= self.len);
        self.start.wrapping_add(start)
    }

    /// The elements `start..start + len`. Panics unless they lie inside.
    ///
    /// # Safety
    /// While the part is in use nothing else refers to any of its elements.
    #[allow(clippy::mut_from_ref)]
    pub unsafe fn part(&self, start: usize, len: usize) -> &mut [T] {
        assert!(start <= self.len && len <= self.len - start);
        // SAFETY: inside the slice, and nobody else's, as the caller promises.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(start), len) }
    }
}

/// Part `index` of `0..length` cut into `parts` that differ by one at most. Parts may be empty.
pub fn even_part(length: usize, parts: usize, index: usize) -> Range<usize> {
    length * index / parts..length * (index + 1) / parts
}

/// Part `index` of `0..length` cut into `parts` that hold even numbers of whole units of `unit`, but
/// for the last unit of all, which may be cut short. Parts may be empty.
pub fn even_part_of_units(length: usize, unit: usize, parts: usize, index: usize) -> Range<usize> {
    let units = even_part(length.div_ceil(unit), parts, index);
    (units.start * unit).min(length)..(units.end * unit).min(length)
}

#[cfg(test)]
mod tests;
