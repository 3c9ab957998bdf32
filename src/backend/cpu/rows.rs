//! What functions of rows share: rows are shared out to the threads, read from memory once, and written.

use std::sync::OnceLock;

use super::Pool;
use super::aligned::{Aligned, LINE};
use super::share::{Each, even_part};
use super::simd::{Isa, MOST_LANES, Routine, Vector, first, prefetch, store_fence};
use crate::machine;
use crate::terms::Shape;

/// Vectors side by side in a loop over a row, none of which waits for another.
const SIDE_BY_SIDE: usize = 4;

/// Fewer floats than this for each of two threads come faster from one.
const LEAST: usize = 1 << 13;

/// Longer rows leave no room for the next one in the first cache.
const LONGEST_AHEAD: usize = 1 << 12;

/// What is done to a row. Implementations are always inlined: they are compiled into their caller.
pub trait Function: Sync {
    /// What has to be known of the whole row before a result is.
    type Whole: Copy;

    /// Reads a row x. `kept`, of its length, holds anything before and whatever it likes to keep after. Asks for
    /// the next row meanwhile.
    ///
    /// # Safety
    /// The CPU has the vector's instructions.
    unsafe fn read<V: Vector>(&self, x: &[f32], kept: &mut [f32], next: Next) -> Self::Whole;

    /// The results in a place.
    ///
    /// # Safety
    /// The CPU has the vector's instructions, and the place is one of this row.
    unsafe fn result<V: Vector>(
        &self,
        x: &[f32],
        kept: &[f32],
        whole: Self::Whole,
        place: Place,
    ) -> V;
}

/// Where the next row is, none of which is touched.
#[derive(Clone, Copy)]
pub struct Next(*const f32);

impl Next {
    /// Asks for the floats that stand where those of this place do.
    #[inline(always)]
    pub fn ask(self, place: Place) {
        if place.at.is_multiple_of(LINE) {
            prefetch(self.0.wrapping_add(place.at));
        }
    }
}

/// A vector's place in a row.
#[derive(Clone, Copy)]
pub struct Place {
    at: usize,
    /// At the ends of a row: the lanes that lie inside it.
    mask: Option<u32>,
}

impl Place {
    /// The floats of a row here, and `rest` in lanes outside.
    ///
    /// # Safety
    /// The CPU has the vector's instructions, and the place is one of a row of this length.
    #[inline(always)]
    pub unsafe fn load<V: Vector>(self, row: &[f32], rest: f32) -> V {
        // SAFETY: the caller's; a mask leaves out what lies outside.
        unsafe {
            let from = row.as_ptr().wrapping_add(self.at);
            self.mask.map_or_else(|| V::load(from), |mask| V::splat(rest).load_masked(from, mask))
        }
    }

    /// Writes the lanes inside to a row.
    ///
    /// # Safety
    /// As of [`Place::load`].
    #[inline(always)]
    pub unsafe fn store<V: Vector>(self, x: V, row: &mut [f32]) {
        // SAFETY: the caller's; a mask leaves out what lies outside.
        unsafe {
            let to = row.as_mut_ptr().wrapping_add(self.at);
            self.mask.map_or_else(|| x.store(to), |mask| x.store_masked(to, mask));
        }
    }
}

/// Vectors side by side that hold parts of what is taken together.
pub type Parts<V> = [V; SIDE_BY_SIDE];

/// Takes a row of `len` floats together: `step` adds a place of it to a vector, `start` in each lane before.
/// `step` is called in one place of the code only, or the compiler would not make it a part of the loop.
///
/// # Safety
/// The CPU has the vector's instructions.
#[inline(always)]
pub unsafe fn fold<V: Vector>(
    len: usize,
    start: f32,
    mut step: impl FnMut(V, Place) -> V,
) -> Parts<V> {
    // SAFETY: the caller's.
    let mut parts = [unsafe { V::splat(start) }; SIDE_BY_SIDE];
    for from in (0..len).step_by(SIDE_BY_SIDE * V::LANES) {
        for (i, part) in parts.iter_mut().enumerate() {
            let at = from + i * V::LANES;
            if at >= len {
                break;
            }
            let left = len - at;
            *part = step(*part, Place { at, mask: (left < V::LANES).then(|| first(left)) });
        }
    }
    parts
}

/// All lanes of some vectors taken together: vectors by `both`, then the lanes of one by `two`, the upper half
/// onto the lower one until a single one is left.
///
/// # Safety
/// The CPU has the vector's instructions.
#[inline(always)]
pub unsafe fn across<V: Vector>(
    [mut all, others @ ..]: Parts<V>,
    both: impl Fn(V, V) -> V,
    two: impl Fn(f32, f32) -> f32,
) -> f32 {
    for part in others {
        all = both(all, part);
    }
    let mut lanes = [0.0f32; MOST_LANES];
    // SAFETY: the caller's; no vector has more lanes.
    unsafe { all.store(lanes.as_mut_ptr()) };
    let mut len = V::LANES;
    while len > 1 {
        len /= 2;
        let (lower, upper) = lanes.split_at_mut(len);
        lower.iter_mut().zip(upper).for_each(|(x, y)| *x = two(*x, *y));
    }
    lanes[0]
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
    let all = Each::new(out);
    pool.each(tasks, |task| {
        let range = even_part(rows, tasks, task);
        let (start, len) = (range.start * columns, range.len() * columns);
        // SAFETY: tasks have different rows.
        let out = unsafe { all.part(start, len) };
        let rows = Rows { x: &x[start..][..len], out, columns, nt, function };
        // SAFETY: checked above that the CPU has the instructions; rows ask for nothing else.
        unsafe { isa.run(rows) };
    });
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
        let mut kept = Aligned::zeros(self.columns);
        let rows = self.x.chunks_exact(self.columns).zip(self.out.chunks_exact_mut(self.columns));
        for (x, out) in rows {
            let is_short = self.columns <= LONGEST_AHEAD;
            let next = if is_short { x.as_ptr().wrapping_add(self.columns) } else { x.as_ptr() };
            // SAFETY: the caller's; all rows have one length.
            unsafe {
                let whole = self.function.read::<V>(x, &mut kept, Next(next));
                let row = Row { function: self.function, x, kept: &kept, whole };
                row.write::<V>(out, self.nt);
            }
        }
        if self.nt {
            store_fence();
        }
    }
}

/// A row that has been read.
struct Row<'a, F: Function> {
    function: &'a F,
    x: &'a [f32],
    kept: &'a [f32],
    whole: F::Whole,
}

impl<F: Function> Row<'_, F> {
    /// Writes the results to `out`, of the row's length, whole vectors past the caches where `nt` says so.
    ///
    /// # Safety
    /// The CPU has the vector's instructions.
    #[inline(always)]
    unsafe fn write<V: Vector>(&self, out: &mut [f32], nt: bool) {
        let (len, to) = (out.len(), out.as_mut_ptr());
        let head = if nt { to.align_offset(size_of::<V>()).min(len) } else { 0 };
        let whole = len - (len - head) % V::LANES;
        for at in (head..whole).step_by(V::LANES) {
            // SAFETY: the caller's; from `head` on whole vectors lie inside the row, at multiples of a
            // vector's size where they go past the caches.
            unsafe {
                let x = self.result::<V>(Place { at, mask: None });
                if nt { x.store_nt(to.add(at)) } else { x.store(to.add(at)) }
            }
        }
        // A store without lanes is no store, but takes some CPUs a hundred cycles.
        let ends = [(0, head), (whole, len - whole)];
        for (at, lanes) in ends.into_iter().filter(|(_, lanes)| *lanes > 0) {
            let place = Place { at, mask: Some(first(lanes)) };
            // SAFETY: the caller's; the place is one of this row.
            unsafe { place.store(self.result::<V>(place), out) };
        }
    }

    /// # Safety
    /// As of [`Function::result`].
    #[inline(always)]
    unsafe fn result<V: Vector>(&self, place: Place) -> V {
        // SAFETY: the caller's.
        unsafe { self.function.result(self.x, self.kept, self.whole, place) }
    }
}

#[cfg(test)]
mod tests;
