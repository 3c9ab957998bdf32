//! The loops round the micro-kernel.

use std::ops::Range;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::gather::{Gather, Phase};
use super::kernel::{NV, Output, Step, Tile, most_rows};
use super::pack::{CopyFilters, CopySource, FilterOrder};
use super::plan::{Budget, Load, Plan, TOGETHER};
use super::vectors::Vectors;
use super::{Isa, Pool, Prepared};

/// Phases up to that many are computed together: they read the same filters.
const SHARED: usize = 4;

/// Floats of a cache line.
const LINE: usize = 16;

/// A gather made ready.
pub(super) struct Engine {
    isa: Isa,
    gather: Gather,
    passes: Vec<Pass>,
    /// One for each thread.
    scratch: Vec<Mutex<Vec<f32>>>,
    scratch_bytes: u64,
    reduced: bool,
}

/// Phases that are computed together.
struct Pass {
    phases: Vec<PreparedPhase>,
    order: FilterOrder,
    plan: Plan,
    /// Panels of filters that are copied together, and the floats of each.
    together: usize,
    filter_panel: usize,
    /// Floats from row to row of a copied panel of filters.
    filter_row: usize,
    /// By part of the vectors.
    parts: Vec<Vec<Panel>>,
    /// Floats of the copied source.
    source: usize,
}

struct PreparedPhase {
    phase: Phase,
    vectors: Vectors,
    steps: Vec<Steps>,
}

/// The steps of panels that read the same taps.
struct Steps {
    taps: (usize, usize),
    steps: Vec<Step>,
}

/// Up to [`NV`] vectors of a phase.
struct Panel {
    phase: usize,
    start: usize,
    count: usize,
    /// Which of the phase's [`Steps`].
    steps: usize,
    /// Where the vectors start, if all their lanes lie side by side.
    whole: Option<[isize; NV]>,
}

/// Part `index` of `parts` even ones.
fn share(length: usize, parts: usize, index: usize) -> Range<usize> {
    length * index / parts..length * (index + 1) / parts
}

impl Pass {
    fn new(
        isa: Isa,
        threads: usize,
        gather: &Gather,
        phases: Vec<PreparedPhase>,
        budget: Budget,
    ) -> Pass {
        let all = gather.filters.taps;
        let apart = gather.phases.len() > SHARED || all > budget.depth;
        let taps = if apart { phases[0].phase.taps.len() } else { all };
        let load = Load {
            phases: phases.iter().map(|p| (p.vectors.count, p.phase.taps.len())).collect(),
            groups: gather.groups,
            channels: gather.source.channels,
            outputs: gather.output.channels,
            taps,
        };
        let plan = Plan::of(isa, threads, &load, budget);
        let rows = most_rows(isa.registers());
        let order = if apart {
            FilterOrder::Picked
        } else if gather.filters.channel == all {
            FilterOrder::Rows
        } else {
            FilterOrder::Channels
        };
        let depth = plan.channels * plan.taps;
        let together = match order {
            // As much as fills whole cache lines.
            FilterOrder::Channels => (2 * LINE).div_ceil(rows * all).min(TOGETHER),
            _ => 1,
        };
        let mut pass = Pass {
            phases,
            order,
            plan,
            together,
            filter_panel: (rows * depth).next_multiple_of(LINE),
            filter_row: if order == FilterOrder::Channels { all } else { depth },
            parts: Vec::new(),
            source: 0,
        };
        pass.parts = (0..plan.parts.0).map(|part| pass.panels(isa, all, part)).collect();
        let floats = |panels: &Vec<Panel>| {
            panels
                .iter()
                .map(|panel| {
                    let (lo, hi) = pass.phases[panel.phase].steps[panel.steps].taps;
                    (hi - lo).min(plan.taps) * plan.channels * NV * isa.lanes()
                })
                .sum()
        };
        pass.source = pass.parts.iter().map(floats).max().unwrap_or(0);
        pass
    }

    /// The panels of a part of the vectors.
    fn panels(&mut self, isa: Isa, all: usize, part: usize) -> Vec<Panel> {
        let mut panels = Vec::new();
        let whole = self.plan.taps > 1 || self.plan.channels > 1 || all == 1;
        for (index, prepared) in self.phases.iter_mut().enumerate() {
            let vectors = share(prepared.vectors.count, self.plan.parts.0, part);
            for start in vectors.clone().step_by(NV) {
                let count = NV.min(vectors.end - start);
                let taps = prepared.phase.taps.len();
                let split = self.order == FilterOrder::Picked && self.plan.taps < taps;
                let live = if split || !whole {
                    (0, taps)
                } else {
                    prepared.vectors.live(start..start + count)
                };
                let found = prepared.steps.iter().position(|steps| steps.taps == live);
                let steps = found.unwrap_or_else(|| {
                    prepared.steps.push(steps(
                        isa,
                        &prepared.phase,
                        self.order,
                        &self.plan,
                        all,
                        live,
                    ));
                    prepared.steps.len() - 1
                });
                let vectors = &prepared.vectors;
                let mut places = [0; NV];
                let whole = prepared.phase.step[1] == 1
                    && (0..count).all(|j| {
                        let place = vectors.whole(start + j, isa.lanes());
                        place.inspect(|place| places[j] = *place).is_some()
                    });
                let whole = whole.then_some(places);
                panels.push(Panel { phase: index, start, count, steps, whole });
            }
        }
        panels
    }

    fn bytes(&self) -> u64 {
        let phase = |p: &PreparedPhase| {
            let steps: usize = p.steps.iter().map(|s| size_of_val(&s.steps[..])).sum();
            p.vectors.bytes() + steps as u64
        };
        let panels: usize = self.parts.iter().map(|panels| size_of_val(&panels[..])).sum();
        self.phases.iter().map(phase).sum::<u64>() + panels as u64
    }
}

fn steps(
    isa: Isa,
    phase: &Phase,
    order: FilterOrder,
    plan: &Plan,
    all: usize,
    (lo, hi): (usize, usize),
) -> Steps {
    let rows = most_rows(isa.registers());
    let taps = phase.taps.len();
    let step = |channel: usize, tap: usize| {
        let filter = match order {
            FilterOrder::Rows => channel * all + phase.taps[tap].place,
            FilterOrder::Channels => channel * rows * all + phase.taps[tap].place,
            FilterOrder::Picked => channel * taps + tap,
        };
        let source = (channel * (hi - lo) + tap - lo) * NV * isa.lanes();
        Step { filter: filter as u32, source: source as u32 }
    };
    let steps = (0..plan.channels).flat_map(|c| (lo..hi).map(move |t| (c, t)));
    Steps { taps: (lo, hi), steps: steps.map(|(c, t)| step(c, t)).collect() }
}

/// The operands of a run.
struct Operands<'a> {
    source: &'a [f32],
    filters: &'a [f32],
    output: AtomicPtr<f32>,
}

impl Engine {
    pub fn new(isa: Isa, threads: usize, gather: Gather, scratch_limit: u64) -> Engine {
        assert!(isa.is_available());
        let prepare = |phase: &Phase| PreparedPhase {
            phase: phase.clone(),
            vectors: Vectors::new(&gather, phase, isa.lanes()),
            steps: Vec::new(),
        };
        let phases: Vec<PreparedPhase> = gather.phases.iter().map(prepare).collect();
        let tables: u64 = phases.iter().map(|p| p.vectors.bytes()).sum();
        let floats = scratch_limit.saturating_sub(tables) / 4 / threads as u64;
        let budget = Budget::of(isa, usize::try_from(floats).unwrap_or(usize::MAX));
        let apart = phases.len() > SHARED || gather.filters.taps > budget.depth;
        let passes: Vec<Vec<PreparedPhase>> = if apart {
            phases.into_iter().map(|phase| vec![phase]).collect()
        } else {
            vec![phases]
        };
        let pass = |phases| Pass::new(isa, threads, &gather, phases, budget);
        let passes: Vec<Pass> = passes.into_iter().map(pass).collect();
        let need = |pass: &Pass| LINE + pass.together * pass.filter_panel + pass.source;
        let need = passes.iter().map(need).max().unwrap_or(0);
        let bytes: u64 = passes.iter().map(Pass::bytes).sum();
        Engine {
            isa,
            passes,
            scratch: (0..threads).map(|_| Mutex::new(vec![0.0; need])).collect(),
            scratch_bytes: bytes + (4 * need * threads) as u64,
            reduced: budget.is_reduced(),
            gather,
        }
    }

    /// Tasks of a pass.
    fn tasks(&self, pass: &Pass) -> usize {
        self.gather.groups * pass.plan.parts.0 * pass.plan.parts.1
    }

    fn task(&self, mut index: usize, operands: &Operands<'_>, scratch: &mut [f32]) {
        for pass in &self.passes {
            let tasks = self.tasks(pass);
            if index < tasks {
                let (columns, rows) = pass.plan.parts;
                let (group, index) = (index / (columns * rows), index % (columns * rows));
                return self.part(pass, group, (index / rows, index % rows), operands, scratch);
            }
            index -= tasks;
        }
    }

    /// Computes a part of a pass: some vectors of all phases, some output channels of a group.
    fn part(
        &self,
        pass: &Pass,
        group: usize,
        (column, row): (usize, usize),
        operands: &Operands<'_>,
        scratch: &mut [f32],
    ) {
        let Gather { source, output, filters, .. } = &self.gather;
        let most = most_rows(self.isa.registers());
        let rows = share(output.channels.div_ceil(most), pass.plan.parts.1, row);
        let rows = rows.start * most..(rows.end * most).min(output.channels);
        let panels = &pass.parts[column];
        let start = scratch.as_ptr().align_offset(4 * LINE).min(LINE);
        let (copied_filters, copied_source) =
            scratch[start..].split_at_mut(pass.together * pass.filter_panel);
        let source_start =
            operands.source.as_ptr().wrapping_add(group * source.channels * source.plane());
        let group_filters = group * source.channels * output.channels * filters.taps;
        let filters_start = operands.filters.as_ptr().wrapping_add(group_filters);
        let output_start = operands
            .output
            .load(Ordering::Relaxed)
            .wrapping_add(group * output.channels * output.plane());
        let taps = pass.plan.taps;
        let mut add = false;
        for c0 in (0..source.channels).step_by(pass.plan.channels) {
            let channels = pass.plan.channels.min(source.channels - c0);
            let all = pass.phases[0].phase.taps.len();
            let split = pass.order == FilterOrder::Picked && taps < all;
            for t0 in (0..if split { all } else { 1 }).step_by(taps) {
                // First tap and the one behind the last of a panel in this step.
                let range = |(lo, hi): (usize, usize)| {
                    if split { (t0, (t0 + taps).min(hi)) } else { (lo, hi) }
                };
                let mut to = copied_source.as_mut_ptr();
                for panel in panels {
                    let phase = &pass.phases[panel.phase];
                    let taps = range(phase.steps[panel.steps].taps);
                    // SAFETY: TODO
                    unsafe {
                        self.isa.run(CopySource {
                            vectors: &phase.vectors,
                            start: panel.start,
                            count: panel.count,
                            taps,
                            stride: phase.phase.stride[1],
                            from: source_start.wrapping_add(c0 * source.plane()),
                            channels,
                            plane: source.plane(),
                            to,
                        });
                    }
                    to = to.wrapping_add(channels * (taps.1 - taps.0) * NV * self.isa.lanes());
                }
                for m in rows.clone().step_by(pass.together * most) {
                    let end = (m + pass.together * most).min(rows.end);
                    let picked = &pass.phases[0].phase.taps;
                    let picked =
                        if split { &picked[t0..(t0 + taps).min(all)] } else { &picked[..] };
                    // SAFETY: TODO
                    unsafe {
                        self.isa.run(CopyFilters {
                            order: pass.order,
                            filters: *filters,
                            taps: picked,
                            from: filters_start
                                .wrapping_add(m * filters.output + c0 * filters.channel),
                            channels,
                            rows: end - m,
                            panel_rows: most,
                            to: copied_filters.as_mut_ptr(),
                            panel: pass.filter_panel,
                            row: pass.filter_row,
                        });
                    }
                    for (index, m) in (m..end).step_by(most).enumerate() {
                        let filters =
                            copied_filters.as_ptr().wrapping_add(index * pass.filter_panel);
                        let mut from = copied_source.as_ptr();
                        for panel in panels {
                            let phase = &pass.phases[panel.phase];
                            let Steps { taps: live, steps } = &phase.steps[panel.steps];
                            let live = range(*live);
                            let steps = if split {
                                &steps[..live.1 - live.0]
                            } else {
                                &steps[..channels * (live.1 - live.0)]
                            };
                            if steps.is_empty() && add {
                                continue;
                            }
                            let tile = Tile {
                                rows: most.min(end - m),
                                vectors: panel.count,
                                steps,
                                filters,
                                filter_row: pass.filter_row,
                                source: from,
                                output: Output {
                                    start: output_start.wrapping_add(m * output.plane()),
                                    plane: output.plane(),
                                    whole: panel.whole,
                                    vectors: (&phase.vectors, panel.start),
                                    step: phase.phase.step[1],
                                    add,
                                },
                            };
                            // SAFETY: TODO
                            unsafe { self.isa.run(tile) };
                            from = from.wrapping_add(steps.len() * NV * self.isa.lanes());
                        }
                    }
                }
                add = true;
            }
        }
    }
}

impl Prepared for Engine {
    fn run(&mut self, pool: &Pool, a: &[f32], b: &[f32], out: &mut [f32]) {
        let Gather { images, groups, source, output, filters, .. } = &self.gather;
        let len = |t: &super::gather::Tensor| images * groups * t.channels * t.plane();
        assert_eq!(a.len(), len(source));
        assert_eq!(b.len(), groups * source.channels * output.channels * filters.taps);
        assert_eq!(out.len(), len(output));
        let tasks: usize = self.passes.iter().map(|pass| self.tasks(pass)).sum();
        let operands = Operands { source: a, filters: b, output: AtomicPtr::new(out.as_mut_ptr()) };
        let next = AtomicUsize::new(0);
        pool.each(self.scratch.len(), |slot| {
            let mut scratch = self.scratch[slot].lock().unwrap_or_else(PoisonError::into_inner);
            loop {
                let task = next.fetch_add(1, Ordering::Relaxed);
                if task >= tasks {
                    return;
                }
                self.task(task, &operands, &mut scratch);
            }
        });
    }

    fn scratch_bytes(&self) -> u64 {
        self.scratch_bytes
    }

    fn is_reduced(&self) -> bool {
        self.reduced
    }
}
