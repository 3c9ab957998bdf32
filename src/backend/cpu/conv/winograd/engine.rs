//! The loops round the work on vectors.

use std::ops::Range;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::cells::{Cells, WIDE};
use super::filters::{Filters, GROUP};
use super::input::Input;
use super::output::Output;
use super::plan::{First, Plan};
use super::problem::Problem;
use super::product::Product;
use crate::backend::cpu::Pool;
use crate::backend::cpu::conv::Prepared;
use crate::backend::cpu::simd::Isa;
use crate::workload::Algorithm;

/// Channels of the shared operand that are made by one task.
const PORTION: usize = 32;

/// A convolution with its plan and its memory.
pub(super) struct Engine {
    isa: Isa,
    problem: Problem,
    plan: Plan,
    is_reduced: bool,
    shared: Lines,
    /// One for each thread.
    local: Vec<Mutex<Lines>>,
}

/// Cache lines.
struct Lines(Vec<Line>);

#[derive(Clone)]
#[repr(align(64))]
struct Line(#[expect(dead_code)] [f32; 16]);

impl Lines {
    fn new(floats: usize) -> Lines {
        Lines(vec![Line([0.0; 16]); floats.div_ceil(16)])
    }

    fn as_mut_ptr(&mut self) -> *mut f32 {
        self.0.as_mut_ptr().cast()
    }

    fn bytes(&self) -> u64 {
        size_of_val(&self.0[..]) as u64
    }
}

impl Engine {
    pub fn new(isa: Isa, threads: usize, problem: Problem, scratch_limit: u64) -> Engine {
        assert!(isa.is_available());
        let limit = usize::try_from(scratch_limit / 4).unwrap_or(usize::MAX);
        let plan = Plan::new(&problem, isa, threads, limit);
        let free = Plan::new(&problem, isa, threads, usize::MAX);
        let local = (0..threads).map(|_| Mutex::new(Lines::new(plan.local())));
        Engine {
            isa,
            problem,
            plan,
            is_reduced: plan != free,
            shared: Lines::new(plan.shared()),
            local: local.collect(),
        }
    }
}

impl Prepared for Engine {
    fn run(&mut self, pool: &Pool, a: &[f32], b: &[f32], out: &mut [f32]) {
        let (problem, plan) = (&self.problem, &self.plan);
        assert_eq!(a.len(), problem.input_len());
        assert_eq!(b.len(), problem.filters_len());
        assert_eq!(out.len(), problem.output_len());
        let shared = AtomicPtr::new(self.shared.as_mut_ptr());
        let job = Job {
            isa: self.isa,
            problem,
            plan,
            x: a,
            f: b,
            y: AtomicPtr::new(out.as_mut_ptr()),
            shared,
        };
        let firsts = plan.firsts().parts;
        for start in (0..firsts).step_by(plan.together) {
            let together = start..firsts.min(start + plan.together);
            let portions = plan.chunks.most().div_ceil(PORTION);
            let tasks = together.len() * plan.chunks.parts * portions;
            pool.each(tasks, |task| {
                let (rest, portion) = (task / portions, task % portions);
                let (first, chunk) = (rest / plan.chunks.parts, rest % plan.chunks.parts);
                job.even_part(start + first, chunk, portion, rest);
            });
            let next = AtomicUsize::new(0);
            pool.each(self.local.len().min(pool.threads()), |thread| {
                let mut local = self.local[thread].lock().unwrap_or_else(PoisonError::into_inner);
                while let Some(own) = Some(next.fetch_add(1, Ordering::Relaxed))
                    .filter(|own| *own < plan.owns().parts)
                {
                    // SAFETY: each number is handed out once, the lock holds until the end, and what
                    // is shared was made before.
                    unsafe { job.compute(own, together.clone(), local.as_mut_ptr()) };
                }
            });
        }
    }

    fn scratch_bytes(&self) -> u64 {
        self.shared.bytes() + 4 * (self.local.len() * self.plan.local()) as u64
    }

    fn is_reduced(&self) -> bool {
        self.is_reduced
    }

    fn algorithm(&self) -> Algorithm {
        Algorithm::Winograd(self.problem.m)
    }
}

/// One run.
struct Job<'a> {
    isa: Isa,
    problem: &'a Problem,
    plan: &'a Plan,
    x: &'a [f32],
    f: &'a [f32],
    y: AtomicPtr<f32>,
    shared: AtomicPtr<f32>,
}

impl Job<'_> {
    /// Makes a portion of a chunk of a part of the shared operand, number `place` in its memory.
    fn even_part(&self, first: usize, chunk: usize, portion: usize, place: usize) {
        let chunk = self.plan.chunks.part(chunk);
        let skipped = portion * PORTION;
        let channels =
            (chunk.start + skipped).min(chunk.end)..chunk.end.min(chunk.start + skipped + PORTION);
        let to = self.shared.load(Ordering::Relaxed).wrapping_add(place * self.plan.first());
        // SAFETY: `shared` has room for `together` times `chunks.parts` of these, and no other task has
        // this place's portion: its channels are the only ones that are written. Past the end of the
        // chunk there are none.
        unsafe {
            match self.plan.first {
                First::Filters => self.filters(first, channels, to.wrapping_add(skipped * GROUP)),
                First::Tiles => {
                    self.tiles(first, channels, to.wrapping_add(skipped * self.plan.row))
                }
            }
        }
    }

    /// Everything of part `own` of what tasks make for themselves with these parts of the shared
    /// operand.
    ///
    /// # Safety
    /// `local` has `plan.local()` floats that nothing else refers to, `shared` holds these parts, all
    /// of their chunks, and nothing writes it. No other call has the same `own` and `together`.
    unsafe fn compute(&self, own: usize, together: Range<usize>, local: *mut f32) {
        let plan = self.plan;
        let chunks = plan.chunks.parts;
        let all_sums = local.wrapping_add(plan.own());
        for chunk in 0..chunks {
            let channels = plan.chunks.part(chunk);
            let (count, is_last) = (channels.len(), chunk + 1 == chunks);
            // SAFETY: the caller's. `local` begins with a chunk of the thread's own operand; the sums of
            // one panel and block follow, or with several chunks those of all parts together. Each
            // panel and block is finished once, by this call.
            unsafe {
                match plan.first {
                    First::Filters => self.tiles(own, channels, local),
                    First::Tiles => self.filters(own, channels, local),
                }
                for (i, first) in together.clone().enumerate() {
                    let shared = self.shared.load(Ordering::Relaxed);
                    let shared = shared.add((i * chunks + chunk) * plan.first());
                    let sums = if chunks == 1 { all_sums } else { all_sums.add(i * plan.sums()) };
                    let (panel, block, u, v) = match plan.first {
                        First::Filters => (first, own, shared, local),
                        First::Tiles => (own, first, local, shared),
                    };
                    self.multiply(panel, block, count, u, v, sums, chunk > 0);
                    if is_last {
                        self.finish(panel, block, sums);
                    }
                }
            }
        }
    }

    /// U of a panel.
    ///
    /// # Safety
    /// From `to` on lie the floats of these channels of [`Plan::panels`]' largest part, steps as planned,
    /// and nothing else refers to them.
    unsafe fn filters(&self, panel: usize, channels: Range<usize>, to: *mut f32) {
        for (i, group) in self.plan.panels.part(panel).enumerate() {
            let work = Filters {
                m: self.problem.m,
                f: self.f,
                order: self.problem.filters,
                filters: group * GROUP..self.problem.k.min((group + 1) * GROUP),
                channels: channels.clone(),
                to: to.wrapping_add(i * self.plan.group()),
                position: self.plan.filter_position(),
            };
            // SAFETY: the CPU has the instructions, see `Engine::new`. The group is one of the panel's, at
            // its own place in each position; steps are multiples of 16 floats.
            unsafe { self.isa.run(work) };
        }
    }

    /// V of a block.
    ///
    /// # Safety
    /// As of `filters`, for [`Plan::blocks`].
    unsafe fn tiles(&self, block: usize, channels: Range<usize>, to: *mut f32) {
        let lanes = self.isa.lanes();
        for (i, vector) in self.plan.blocks.part(block).enumerate() {
            let work = Input {
                m: self.problem.m,
                x: self.x,
                h: self.problem.h,
                w: self.problem.w,
                cells: &Cells::new(self.problem, lanes, vector * lanes),
                channels: channels.clone(),
                to: to.wrapping_add(i * lanes * WIDE / self.problem.m),
                position: self.plan.tile_position(),
                channel: self.plan.row,
            };
            // SAFETY: as above. `x` has the problem's length, which `run` has checked, and the cells come
            // from the same problem. Each vector of cells has its own place in the rows.
            unsafe { self.isa.run(work) };
        }
    }

    /// The filters of a panel.
    fn filters_of(&self, panel: usize) -> Range<usize> {
        let groups = self.plan.panels.part(panel);
        groups.start * GROUP..self.problem.k.min(groups.end * GROUP)
    }

    /// M of a panel and a block, or more of it.
    ///
    /// # Safety
    /// `u` and `v` hold as many channels of these; `sums` has [`Plan::sums`] floats that nothing else
    /// refers to, and holds the sums so far where these are added.
    #[expect(clippy::too_many_arguments)]
    unsafe fn multiply(
        &self,
        panel: usize,
        block: usize,
        channels: usize,
        u: *const f32,
        v: *const f32,
        sums: *mut f32,
        add: bool,
    ) {
        let work = Product {
            positions: self.problem.positions(),
            channels,
            filters: self.filters_of(panel).len(),
            vectors: self.plan.blocks.part(block).len() * WIDE / self.problem.m,
            u,
            u_position: self.plan.filter_position(),
            u_group: self.plan.group(),
            v,
            v_position: self.plan.tile_position(),
            row: self.plan.row,
            sums,
            sums_position: self.plan.sum_position(),
            add,
        };
        // SAFETY: the CPU has the instructions; the caller's, with steps as all were laid out by.
        unsafe { self.isa.run(work) };
    }

    /// y of a panel and a block.
    ///
    /// # Safety
    /// `sums` holds M of them, and nothing else refers to their part of the output.
    unsafe fn finish(&self, panel: usize, block: usize, sums: *const f32) {
        let filters = self.filters_of(panel);
        let (plane, lanes) = (self.problem.p * self.problem.q, self.isa.lanes());
        for (i, vector) in self.plan.blocks.part(block).enumerate() {
            let work = Output {
                m: self.problem.m,
                from: sums.wrapping_add(i * lanes * WIDE / self.problem.m),
                position: self.plan.sum_position(),
                filter: self.plan.row,
                filters: filters.len(),
                cells: &Cells::new(self.problem, lanes, vector * lanes),
                y: self.y.load(Ordering::Relaxed).wrapping_add(filters.start * plane),
                plane,
                row: self.problem.q,
            };
            // SAFETY: the CPU has the instructions. `y` has the problem's length, which `run` has checked,
            // and the cells come from the same problem; the rest is the caller's.
            unsafe { self.isa.run(work) };
        }
    }
}
