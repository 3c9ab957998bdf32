//! Scratch and packing.
pub(super) struct Scratch {
    ptr: *mut f32,
    len: usize,
}
impl Scratch {
    pub(super) const fn new() -> Scratch { Scratch { ptr: std::ptr::null_mut(), len: 0 } }
    pub(super) fn get(&mut self, b: usize, a: usize) -> (*mut f32, *mut f32) {
        let b = b.next_multiple_of(16);
        let need = a + b + 64;
        if self.len < need {
            let size = (need * 4).next_multiple_of(2 << 20);
            let l = std::alloc::Layout::from_size_align(size, 2 << 20).expect("layout");
            // SAFETY: tbd
            self.ptr = unsafe { std::alloc::alloc_zeroed(l).cast() };
            if std::env::var("THP").is_ok() {
                // SAFETY: tbd
                unsafe { libc::madvise(self.ptr.cast(), size, 14); }
            }
            self.len = size / 4;
        }
        (self.ptr, self.ptr.wrapping_add(b))
    }
}
/// tbd
#[inline(always)]
pub(super) fn prefetch(at: *const f32) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch of any address has no effect but on caches.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(at.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}

/// Packs k x rows of a, stored k x m. WIDE
#[inline(always)]
pub(super) unsafe fn pack_a<const MR: usize, const WIDE: usize>(a: *const f32, lda: usize, k: usize, rows: usize, to: *mut f32, end: *const f32) {
    let ahead = AHEAD;
    // SAFETY: tbd
    unsafe {
        for p in 0..k {
            let from = a.add(p * lda);
            let mut l = 0;
            while l < rows {
                prefetch(from.wrapping_add(ahead * lda + l));
                l += 16;
            }
            prefetch(from.wrapping_add(ahead * lda + rows - 1));
            let whole = if end.offset_from(from) as usize >= rows + WIDE { rows / MR } else { 0 };
            let stride = MR * k + 16;
            let mut to = to.add(p * MR);
            let mut from = from;
            for _ in 0..whole {
                let x: [f32; WIDE] = from.cast::<[f32; WIDE]>().read_unaligned();
                to.cast::<[f32; WIDE]>().write_unaligned(x);
                to = to.add(stride);
                from = from.add(MR);
            }
            let mut left = rows - whole * MR;
            while left > 0 {
                for r in 0..left.min(MR) {
                    *to.add(r) = *from.add(r);
                }
                to = to.add(stride);
                from = from.wrapping_add(MR);
                left -= left.min(MR);
            }
        }
    }
}
const AHEAD: usize = 8;
