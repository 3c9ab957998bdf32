//! The gradient of the filters on the CPU.
//!
//! In each group it is a product, filters x (channels and taps), summed over all pixels of dy
//! (product.rs). Vectors run along filters: dy is copied in small panels, transposed. The numbers of x are
//! broadcast from where they are or, where there is padding, from a copy of the rows that a chunk of pixels
//! sees: no matrix of taps is ever written.
//!
//! ```text
//! for each part of filters, channels and pixels, in parallel            plan.rs, panels.rs, offsets.rs
//!   for a chunk of pixels         dy: copied, [panel of filters][pixels][filters]
//!     for a block of channels     x: copied with its pad, kept in the second-level cache   pack.rs
//!       for a panel of filters    kept in the second-level cache
//!         for 6 rows              6 x 4 vectors of the gradient: in registers              tile.rs
//! ```
//!
//! Where pixels are divided, each part has sums of its own; these are added up in order. What is summed
//! up in which order depends on the plan alone, and not on which thread comes first: so do the bits of
//! a result.
//!
//! Groups of very few filters have vectors along pixels instead (dots.rs, dots_plan.rs). Without memory for copies
//! there are plain loops (plain.rs).

mod chunk;
mod dots;
mod dots_plan;
mod offsets;
mod pack;
mod panels;
mod phases;
mod plain;
mod plan;
mod product;
mod tile;

#[cfg(test)]
mod tests;

use super::Prepared;
use super::engine::Engine;
use crate::backend::cpu::simd::Isa;
use crate::terms::Conv;
use dots::Dots;
use dots_plan::DotsPlan;
use panels::Panels;
use plain::PlainLoops;
use plan::{Machine, Plan};
use product::Product;

/// (dy, x) -> dw, the filters' gradient, with these instructions, on `threads` threads, with at most `scratch_limit` bytes
/// beside the tensors. Panics unless the CPU has the instructions.
pub fn wgrad(isa: Isa, threads: usize, conv: &Conv, scratch_limit: u64) -> Box<dyn Prepared> {
    assert!(isa.is_available());
    let machine = Machine::of(isa, threads);
    let chosen = Way::best(conv, machine, scratch_limit);
    let unlimited = Way::best(conv, machine, u64::MAX);
    let is_reduced = unlimited.cost() < chosen.cost();
    match chosen {
        Way::Panels(plan) => Box::new(Engine::new(Panels::new(isa, plan, is_reduced))),
        Way::Dots(plan) => Box::new(Engine::new(Dots::new(isa, plan, is_reduced))),
        Way::Plain => Box::new(Engine::new(PlainLoops { conv: *conv, threads })),
    }
}

/// The ways to compute it.
enum Way {
    Panels(Plan),
    Dots(DotsPlan),
    Plain,
}

impl Way {
    /// The one that should be fastest within a limit.
    fn best(conv: &Conv, machine: Machine, scratch_limit: u64) -> Way {
        let panels =
            Product::all(conv).into_iter().filter_map(|p| Plan::best(p, machine, scratch_limit));
        let dots = DotsPlan::best(conv, machine, scratch_limit);
        let ways = panels.map(Way::Panels).chain(dots.map(Way::Dots));
        ways.min_by(|a, b| a.cost().total_cmp(&b.cost())).unwrap_or(Way::Plain)
    }

    /// Estimated cycles of the slowest thread.
    fn cost(&self) -> f64 {
        match self {
            Way::Panels(plan) => plan.cost,
            Way::Dots(plan) => plan.cost,
            Way::Plain => f64::INFINITY,
        }
    }
}
