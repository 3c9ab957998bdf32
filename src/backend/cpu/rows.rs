//! What functions of rows share: rows are shared out to the threads, read from memory once, and written.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, Ordering};

use super::Pool;
use super::simd::{Isa, Routine, Vector, prefetch, store_fence};
use crate::machine;
use crate::terms::Shape;

/// A cache line, in bytes and in floats.
const LINE_BYTES: usize = 64;
const LINE: usize = LINE_BYTES / size_of::<f32>();

/// Floats of one turn of a loop over a row.
pub const CHUNK: usize = 64;

/// Fewer floats than this for each of two threads come faster from one.
const LEAST: usize = 1 << 13;

/// Longer rows leave no room for the next one in the first cache.
const LONGEST_AHEAD: usize = 1 << 12;

/// What is done to a row.
pub trait Function: Sync {
    /// Computes a row, with scratch of its length that holds anything. To be compiled into its caller:
    /// implementations are always inlined.
    ///
    /// # Safety
    /// The CPU has the vector's instructions.
    unsafe fn row<V: Vector>(&self, x: &[f32], scratch: &mut [f32], out: Out<'_>);
}

/// Where a row is written.
pub struct Out<'a> {
    row: &'a mut [f32],
    /// Whether past the caches.
    nt: bool,
    /// The row that is read next, to be asked for meanwhile; none of it is touched.
    next: *const f32,
}

/// Computes each row of `out` from that of `x`, both rows x columns of the shape. Results do not depend on
/// the number of threads.
pub fn each(pool: &Pool, shape: &Shape, x: &[f32], out: &mut [f32], function: &impl Function) {
    let isa = Isa::best();
    let nt = isa.has_nt() && size_of_val(x) + size_of_val(out) > cache_bytes();
    each_by((isa, nt), pool, shape, x, out, function);
}

/// [`each`] by some instructions, past the caches or not. Panics unless the CPU has the instructions and
/// both matrices are of this size.
fn each_by(
    (isa, nt): (Isa, bool),
    pool: &Pool,
    shape: &Shape,
    x: &[f32],
    out: &mut [f32],
    function: &impl Function,
) {
    let (rows, columns) = (shape.size("rows"), shape.size("columns"));
    assert!(isa.is_available() && x.len() == rows * columns && out.len() == x.len());
    let tasks = (x.len() / LEAST).clamp(1, pool.threads()).min(rows);
    let share = rows.div_ceil(tasks);
    let all = AtomicPtr::new(out.as_mut_ptr());
    let task = |task: usize| {
        let range = task * share * columns..((task + 1) * share).min(rows) * columns;
        let out = all.load(Ordering::Relaxed);
        // SAFETY: tasks have different rows, which lie inside `out`, whose borrow outlives the call.
        let out = unsafe { std::slice::from_raw_parts_mut(out.add(range.start), range.len()) };
        let rows = Rows { x: &x[range], out, columns, nt, function };
        // SAFETY: checked above that the CPU has the instructions; rows ask for nothing else.
        unsafe { isa.run(rows) };
    };
    let tasks = rows.div_ceil(share);
    if tasks == 1 { task(0) } else { pool.each(tasks, task) }
}

/// Bytes of operands and results that stay in the last cache from run to run.
fn cache_bytes() -> usize {
    static BYTES: OnceLock<usize> = OnceLock::new();
    *BYTES.get_or_init(|| machine::last_cache_bytes() as usize)
}

/// The rows of a task.
struct Rows<'a, F> {
    x: &'a [f32],
    out: &'a mut [f32],
    columns: usize,
    nt: bool,
    function: &'a F,
}

impl<F: Function> Routine for Rows<'_, F> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let mut scratch = vec![0.0; self.columns];
        let rows = self.x.chunks_exact(self.columns).zip(self.out.chunks_exact_mut(self.columns));
        for (x, row) in rows {
            let is_short = self.columns <= LONGEST_AHEAD;
            let next = if is_short { x.as_ptr().wrapping_add(self.columns) } else { x.as_ptr() };
            // SAFETY: the caller's.
            unsafe { self.function.row::<V>(x, &mut scratch, Out { row, nt: self.nt, next }) };
        }
        if self.nt {
            store_fence();
        }
    }
}

impl Out<'_> {
    /// Asks for the floats of the next row that stand where a chunk of this one does, from `at` on.
    #[inline(always)]
    pub fn ask_ahead(&self, at: usize) {
        for line in (0..CHUNK).step_by(LINE) {
            prefetch(self.next.wrapping_add(at + line));
        }
    }

    /// Writes the row: a term of each place of some arrays of its length. Asks for the next row meanwhile.
    ///
    /// # Safety
    /// The CPU has the vector's instructions.
    #[inline(always)]
    pub unsafe fn write<V: Vector, const N: usize>(
        self,
        arrays: [&[f32]; N],
        term: impl Fn([f32; N]) -> f32,
    ) {
        let len = self.row.len();
        assert!(arrays.iter().all(|x| x.len() == len));
        let head = self.row.as_ptr().align_offset(LINE_BYTES).min(len);
        let whole = head + (len - head) / CHUNK * CHUNK;
        for i in (0..head).chain(whole..len) {
            self.row[i] = term(arrays.map(|x| x[i]));
        }
        for start in (head..whole).step_by(CHUNK) {
            self.ask_ahead(start);
            let parts = arrays.map(|x| &x[start..start + CHUNK]);
            let out = &mut self.row[start..start + CHUNK];
            if !self.nt {
                for (i, out) in out.iter_mut().enumerate() {
                    *out = term(parts.map(|x| x[i]));
                }
                continue;
            }
            let mut staged = [0.0f32; CHUNK];
            for (i, staged) in staged.iter_mut().enumerate() {
                *staged = term(parts.map(|x| x[i]));
            }
            for i in (0..CHUNK).step_by(V::LANES) {
                // SAFETY: the caller's; both have CHUNK floats, a multiple of LANES, and `out` starts
                // at a cache line.
                unsafe { V::load(staged.as_ptr().add(i)).store_nt(out.as_mut_ptr().add(i)) };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload;

    /// Distances from a row's first element, and the elements themselves: shows rows, and columns, that
    /// are taken for others.
    struct Distances;

    impl Function for Distances {
        #[inline(always)]
        unsafe fn row<V: Vector>(&self, x: &[f32], scratch: &mut [f32], out: Out<'_>) {
            scratch.iter_mut().zip(x).for_each(|(s, other)| *s = other - x[0]);
            // SAFETY: the caller's.
            unsafe { out.write::<V, 2>([scratch, x], |[s, x]| 3.0 * s + x) };
        }
    }

    #[test]
    fn every_row_is_written_once_and_nothing_else_is() {
        const FENCE: f32 = 12345.0;
        let softmax = workload::find("softmax").unwrap();
        for pool in [Pool::new(&[0]), Pool::new(&[0, 0, 0])] {
            for (rows, columns) in [(1, 1), (3, 5), (7, 64), (5, 127), (2, 4099), (700, 65)] {
                let shape = softmax.shape(&format!("rows={rows},columns={columns}")).unwrap();
                let x: Vec<f32> = (0..rows * columns).map(|i| (i * 7 % 1009) as f32).collect();
                let wanted = |i: usize| 3.0 * (x[i] - x[i / columns * columns]) + x[i];
                for isa in Isa::available() {
                    for (nt, offset) in [(false, 0), (true, 16), (true, 3)] {
                        let mut fenced = vec![FENCE; offset + x.len() + 16];
                        let out = &mut fenced[offset..offset + x.len()];
                        each_by((isa, nt), &pool, &shape, &x, out, &Distances);
                        assert!((0..x.len()).all(|i| out[i] == wanted(i)), "{isa:?} {nt} {shape}");
                        let fences = fenced[..offset].iter().chain(&fenced[offset + x.len()..]);
                        assert!(fences.into_iter().all(|x| *x == FENCE), "{isa:?} {nt} {shape}");
                    }
                }
            }
        }
    }
}
