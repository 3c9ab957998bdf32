//! What functions of rows share: rows are shared out to the threads, read from memory once, and written.

use std::sync::OnceLock;

use super::Pool;
use super::aligned::{Aligned, LINE};
use super::share::{Each, even_part};
use super::simd::{
    Isa, MOST_LANES, Routine, Vector, first, prefetch, prefetch_second, store_fence,
};
use crate::machine;
use crate::terms::Shape;

/// Vectors side by side in a loop over a row, none of which waits for another.
const SIDE_BY_SIDE: usize = 4;

/// Fewer floats than this for each of two threads come faster from one.
const LEAST: usize = 1 << 13;

/// Shorter rows leave room for the next one in the first cache, to which it is asked for; it comes to the
/// second one otherwise.
const LONG: usize = 1 << 10;

/// At least so many floats ahead memory is asked for: it takes longer to answer than a short row to be read.
/// What is asked for to the second cache may come earlier, as there it is in nobody's way.
const AHEAD: [usize; 2] = [1 << 10, 1 << 11];

/// Some CPUs compare the lower bits of addresses only, and keep a load waiting for a store so many floats apart
/// as if it were to the same place.
const ALIASES: usize = 4096 / size_of::<f32>();

/// What is done to a row. Implementations are always inlined: they are compiled into their caller.
pub trait Function: Copy + Sync {
    /// What has to be known of the whole row before a result is.
    type Whole: Copy + Default;

    /// Reads a row x. `kept`, of its length, holds anything before and whatever it likes to keep after. In its
    /// last pass over the row each place is one of `meanwhile`, too.
    ///
    /// # Safety
    /// The CPU has the vector's instructions.
    unsafe fn read<V: Vector>(
        &self,
        x: &[f32],
        kept: &mut [f32],
        meanwhile: &mut Meanwhile<'_, Self>,
    ) -> Self::Whole;

    /// The results in a place.
    ///
    /// # Safety
    /// The CPU has the vector's instructions, and the place is one of this row.
    unsafe fn result<V: Vector>(
        &self,
        x: &[f32],
        kept: &[f32],
        whole: Self::Whole,
        place: impl Place,
    ) -> V;
}

/// What is done while a row is read, since memory takes longer than arithmetic: what comes is asked for, and
/// the results of the row before are written.
pub struct Meanwhile<'a, F: Function> {
    /// What is asked for in place of a row's first float.
    next: *const f32,
    /// Whether the first cache has no room for it.
    is_long: bool,
    before: Row<'a, F>,
}

impl<F: Function> Meanwhile<'_, F> {
    /// Does what there is to do for the vector whose place this is. What is read there is loaded before, or it
    /// may wait for the results that are written here.
    ///
    /// # Safety
    /// The CPU has the vector's instructions.
    #[inline(always)]
    pub unsafe fn at<V: Vector>(&mut self, place: impl Place) {
        if place.at().is_multiple_of(LINE) {
            let next = self.next.wrapping_add(place.at());
            if self.is_long { prefetch_second(next) } else { prefetch(next) }
        }
        // SAFETY: the caller's.
        unsafe { self.before.write::<V>(place.at()) };
    }
}

/// A vector's place in a row.
pub trait Place: Copy {
    /// The first float's.
    fn at(self) -> usize;

    /// The floats of a row here, and `rest` in lanes outside.
    ///
    /// # Safety
    /// The CPU has the vector's instructions, and the place is one of a row of this length.
    unsafe fn load<V: Vector>(self, row: &[f32], rest: f32) -> V;

    /// Writes the lanes inside to a row.
    ///
    /// # Safety
    /// As of `load`.
    unsafe fn store<V: Vector>(self, x: V, row: &mut [f32]);
}

/// A place whose lanes all lie inside the row, from this float on.
#[derive(Clone, Copy)]
struct Inside(usize);

impl Place for Inside {
    #[inline(always)]
    fn at(self) -> usize {
        self.0
    }

    #[inline(always)]
    unsafe fn load<V: Vector>(self, row: &[f32], _: f32) -> V {
        // SAFETY: the caller's.
        unsafe { V::load(row.as_ptr().add(self.0)) }
    }

    #[inline(always)]
    unsafe fn store<V: Vector>(self, x: V, row: &mut [f32]) {
        // SAFETY: the caller's.
        unsafe { x.store(row.as_mut_ptr().add(self.0)) }
    }
}

/// A place at an end of a row, from this float on so many lanes wide: at least one, or its store takes some
/// CPUs a hundred cycles.
#[derive(Clone, Copy)]
struct End(usize, usize);

impl Place for End {
    #[inline(always)]
    fn at(self) -> usize {
        self.0
    }

    #[inline(always)]
    unsafe fn load<V: Vector>(self, row: &[f32], rest: f32) -> V {
        // SAFETY: the caller's; the mask leaves out what lies outside.
        unsafe { V::splat(rest).load_masked(row.as_ptr().add(self.0), first(self.1)) }
    }

    #[inline(always)]
    unsafe fn store<V: Vector>(self, x: V, row: &mut [f32]) {
        // SAFETY: the caller's; the mask leaves out what lies outside.
        unsafe { x.store_masked(row.as_mut_ptr().add(self.0), first(self.1)) }
    }
}

/// Adds places of a row to what is taken together. A trait, as a closure that is called in two places of the
/// code would become a part of neither loop, and each of its instructions a call.
pub trait Step {
    /// A lane to which nothing was added.
    const START: f32;

    /// `part` and a place taken together.
    ///
    /// # Safety
    /// The CPU has the vector's instructions, and the place is one of the row.
    unsafe fn add<V: Vector>(&mut self, part: V, place: impl Place) -> V;
}

/// Vectors side by side that hold parts of what is taken together.
pub type Parts<V> = [V; SIDE_BY_SIDE];

/// Takes a row of `len` floats together.
///
/// # Safety
/// The CPU has the vector's instructions.
#[inline(always)]
pub unsafe fn fold<V: Vector, S: Step>(len: usize, mut step: S) -> Parts<V> {
    let side_by_side = len - len % (SIDE_BY_SIDE * V::LANES);
    let whole = len - len % V::LANES;
    // SAFETY: the caller's; from `whole` on there is no vector left.
    unsafe {
        let mut parts = [V::splat(S::START); SIDE_BY_SIDE];
        for from in (0..side_by_side).step_by(SIDE_BY_SIDE * V::LANES) {
            for (i, part) in parts.iter_mut().enumerate() {
                *part = step.add(*part, Inside(from + i * V::LANES));
            }
        }
        for (part, at) in parts.iter_mut().zip((side_by_side..whole).step_by(V::LANES)) {
            *part = step.add(*part, Inside(at));
        }
        if whole < len {
            let [.., last] = &mut parts;
            *last = step.add(*last, End(whole, len - whole));
        }
        parts
    }
}

/// How two parts are taken together. A trait for the same reason as [`Step`].
pub trait Join {
    /// # Safety
    /// The CPU has the vector's instructions.
    unsafe fn both<V: Vector>(x: V, y: V) -> V;
}

/// By the larger one.
pub struct Larger;

impl Join for Larger {
    #[inline(always)]
    unsafe fn both<V: Vector>(x: V, y: V) -> V {
        // SAFETY: the caller's.
        unsafe { x.max(y) }
    }
}

/// By their sum.
pub struct Added;

impl Join for Added {
    #[inline(always)]
    unsafe fn both<V: Vector>(x: V, y: V) -> V {
        // SAFETY: the caller's.
        unsafe { x.add(y) }
    }
}

/// All lanes of some vectors taken together: the vectors, then halves of one, which never leaves its register.
///
/// # Safety
/// The CPU has the vector's instructions.
#[inline(always)]
pub unsafe fn across<V: Vector, J: Join>([mut all, others @ ..]: Parts<V>) -> f32 {
    // SAFETY: the caller's.
    unsafe {
        for part in others {
            all = J::both(all, part);
        }
        lanes::<V, J>(all)
    }
}

/// The lanes of a vector taken together.
///
/// # Safety
/// The CPU has the vector's instructions.
#[inline(always)]
pub unsafe fn lanes<V: Vector, J: Join>(mut all: V) -> f32 {
    let mut lanes = [0.0f32; MOST_LANES];
    // SAFETY: the caller's; no vector has more lanes.
    unsafe {
        if V::LANES > 8 {
            all = J::both(all, all.exchanged::<8>());
        }
        if V::LANES > 4 {
            all = J::both(all, all.exchanged::<4>());
        }
        all = J::both(all, all.exchanged::<2>());
        all = J::both(all, all.exchanged::<1>());
        all.store(lanes.as_mut_ptr());
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
        let Rows { columns, nt, function, .. } = self;
        let function = *function;
        let is_long = columns >= LONG;
        let ahead = columns.max(AHEAD[usize::from(is_long)]);
        // Half of it apart, what is kept of one row never waits for what is kept of the other.
        let apart = columns.next_multiple_of(ALIASES) + ALIASES / 2;
        let mut both = Aligned::zeros(apart + columns);
        let (kept, kept_before) = both.split_at_mut(apart);
        let (mut kept, mut kept_before) = (&mut kept[..columns], kept_before);
        let (mut x_before, mut out_before): (&[f32], &mut [f32]) = (&[], &mut []);
        let mut whole = F::Whole::default();
        for (x, out) in self.x.chunks_exact(columns).zip(self.out.chunks_exact_mut(columns)) {
            let next = x.as_ptr().wrapping_add(ahead);
            let read = Read { function, x: x_before, kept: kept_before, whole };
            let before = Row::new::<V>(read, out_before, nt);
            let mut meanwhile = Meanwhile { next, is_long, before };
            // SAFETY: the caller's; all rows have one length.
            unsafe {
                whole = function.read::<V>(x, kept, &mut meanwhile);
                meanwhile.before.write_ends::<V>();
            }
            (x_before, out_before) = (x, out);
            std::mem::swap(&mut kept, &mut kept_before);
        }
        let read = Read { function, x: x_before, kept: kept_before, whole };
        // SAFETY: the caller's.
        unsafe { Row::new::<V>(read, out_before, nt).write_all::<V>() };
        if nt {
            store_fence();
        }
    }
}

/// A row that has been read. Before the first there is one without floats.
#[derive(Clone, Copy)]
struct Read<'a, F: Function> {
    function: F,
    x: &'a [f32],
    kept: &'a [f32],
    whole: F::Whole,
}

/// Where the results of a row are written to: vectors that lie as memory wants them, from `head` to `end`, and
/// the floats before and after.
struct Row<'a, F: Function> {
    read: Read<'a, F>,
    out: &'a mut [f32],
    nt: bool,
    head: usize,
    end: usize,
}

impl<'a, F: Function> Row<'a, F> {
    #[inline(always)]
    fn new<V: Vector>(read: Read<'a, F>, out: &'a mut [f32], nt: bool) -> Row<'a, F> {
        let len = out.len();
        let head = if nt { out.as_ptr().align_offset(size_of::<V>()).min(len) } else { 0 };
        let end = len - (len - head) % V::LANES;
        Row { read, out, nt, head, end }
    }

    /// Writes the vector that begins so many floats after `head`, if one does.
    ///
    /// # Safety
    /// The CPU has the vector's instructions, and `at` is a multiple of its lanes.
    #[inline(always)]
    unsafe fn write<V: Vector>(&mut self, at: usize) {
        let at = self.head + at;
        if at < self.end {
            // SAFETY: the caller's; whole vectors lie between `head` and `end`, at multiples of a vector's
            // size where they go past the caches.
            unsafe {
                let x = self.result::<V>(Inside(at));
                let to = self.out.as_mut_ptr().add(at);
                if self.nt { x.store_nt(to) } else { x.store(to) }
            }
        }
    }

    /// Writes the floats that no vector has.
    ///
    /// # Safety
    /// The CPU has the vector's instructions.
    #[inline(always)]
    unsafe fn write_ends<V: Vector>(self) {
        let ends = [(0, self.head), (self.end, self.out.len() - self.end)];
        for (at, lanes) in ends.into_iter().filter(|(_, lanes)| *lanes > 0) {
            let place = End(at, lanes);
            // SAFETY: the caller's; the place is one of this row.
            unsafe { place.store(self.result::<V>(place), self.out) };
        }
    }

    /// Writes all of it.
    ///
    /// # Safety
    /// The CPU has the vector's instructions.
    #[inline(always)]
    unsafe fn write_all<V: Vector>(mut self) {
        for at in (0..self.out.len()).step_by(V::LANES) {
            // SAFETY: the caller's.
            unsafe { self.write::<V>(at) };
        }
        // SAFETY: the caller's.
        unsafe { self.write_ends::<V>() };
    }

    /// # Safety
    /// As of [`Function::result`].
    #[inline(always)]
    unsafe fn result<V: Vector>(&self, place: impl Place) -> V {
        let Read { function, x, kept, whole } = self.read;
        // SAFETY: the caller's.
        unsafe { function.result(x, kept, whole, place) }
    }
}

#[cfg(test)]
mod tests;
