//! The fences round every output, and the poison between them.

use super::values::Element;

/// Sentinel elements before and after every output.
pub const FENCE: usize = 64;

/// An output buffer on the host: `len` elements of poison between two fences.
pub fn fenced<T: Element>(len: usize) -> Vec<T> {
    let mut buffer = vec![T::SENTINEL; len + 2 * FENCE];
    fence(&mut buffer);
    buffer
}

/// Makes an output buffer poison between two fences.
pub fn fence<T: Element>(buffer: &mut [T]) {
    let end = buffer.len() - FENCE;
    buffer[..FENCE].fill(T::SENTINEL);
    buffer[FENCE..end].fill(T::POISON);
    buffer[end..].fill(T::SENTINEL);
}

/// The first fence element of `buffer` that was written, counted from the output's first element.
pub fn broken_fence<T: Element>(buffer: &[T]) -> Option<isize> {
    let end = buffer.len() - FENCE;
    let mut fence = (0..FENCE).chain(end..buffer.len());
    fence.find(|&i| !buffer[i].is_same(T::SENTINEL)).map(|i| i as isize - FENCE as isize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fences_notice_writes_on_both_sides() {
        fn check<T: Element>(written: T) {
            let mut buffer: Vec<T> = fenced(5);
            assert!(buffer[FENCE..FENCE + 5].iter().all(|v| v.to_f64().is_nan()));
            assert_eq!(broken_fence(&buffer), None);
            buffer[FENCE + 5] = written;
            assert_eq!(broken_fence(&buffer), Some(5));
            buffer[FENCE - 1] = T::POISON;
            assert_eq!(broken_fence(&buffer), Some(-1));
        }
        check(0.0f64);
        check(0.0f32);
        check(half::f16::ZERO);
        check(half::bf16::ZERO);
    }
}
