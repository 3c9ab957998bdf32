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
/// a stored k x m
pub(super) unsafe fn pack_a(a: *const f32, lda: usize, k: usize, rows: usize, mr: usize, to: *mut f32, end: *const f32) {
    // SAFETY: tbd
    unsafe {
        for p in 0..k {
            let from = a.add(p * lda);
            for i in (0..rows).step_by(mr) {
                let to = to.add(i / mr * (mr * k + 16) + p * mr);
                let from = from.add(i);
                if end.offset_from(from) >= 8 {
                    std::ptr::copy_nonoverlapping(from, to, 8);
                } else {
                    std::ptr::copy_nonoverlapping(from, to, mr.min(rows - i));
                }
            }
        }
    }
}
