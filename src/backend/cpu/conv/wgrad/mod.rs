//! The gradient of the filters on the CPU.
//!
//! In each group it is a product, filters x (channels and taps), summed over all pixels of dy
//! (product.rs). Vectors run along filters: dy is copied in small panels, transposed. The numbers of x are
//! broadcast from where they are or, where there is padding, from a copy of the rows that a chunk of pixels
//! sees: no matrix of taps is ever written.
//!
//! ```text
//! for each part of filters, channels and pixels, in parallel            plan.rs, panels.rs
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
//! Groups of very few filters have vectors along pixels instead (dots.rs, dots_plan.rs).

mod chunk;
mod dots;
mod dots_plan;
mod pack;
mod panels;
mod phases;
mod plan;
mod product;
mod tile;

#[cfg(test)]
mod tests;

use super::engine::{self, Scratch};
use super::{Means, Prepared};
use crate::backend::cpu::simd::Isa;
use crate::error::Result;
use crate::terms::Conv;
use dots::Dots;
use dots_plan::DotsPlan;
use panels::Panels;
use plan::{Machine, Plan};
use product::Product;

/// The filters' gradient: (dy, x) -> dw. See [`Prepare`](super::Prepare).
pub fn wgrad(Means { isa, threads, scratch_limit }: Means, conv: &Conv) -> Result<Prepared> {
    let all = || Way::all(conv, Machine::of(isa, threads));
    let chosen = Way::fastest(all(), scratch_limit);
    let is_reduced = Way::fastest(all(), u64::MAX).cost() < chosen.cost();
    Ok(chosen.prepare(isa, is_reduced))
}

/// A way to compute it.
#[derive(Debug)]
enum Way {
    Panels(Plan),
    Dots(DotsPlan),
}

impl Way {
    /// All that are worth a try.
    fn all(conv: &Conv, machine: Machine) -> impl Iterator<Item = Way> {
        let products = Product::all(conv);
        let dots = DotsPlan::all(products[0], machine).map(Way::Dots);
        let panels = products.into_iter().flat_map(move |product| Plan::all(product, machine));
        panels.map(Way::Panels).chain(dots)
    }

    /// The one that should be fastest within `limit` bytes of scratch, or else that takes the fewest.
    fn fastest(ways: impl Iterator<Item = Way>, limit: u64) -> Way {
        let order = |way: &Way| (way.scratch().bytes().saturating_sub(limit), way.cost());
        ways.map(|way| (order(&way), way))
            .min_by(|((a, cost_a), _), ((b, cost_b), _)| a.cmp(b).then(cost_a.total_cmp(cost_b)))
            .map(|(_, way)| way)
            .expect("there are several ways")
    }

    fn scratch(&self) -> Scratch {
        match self {
            Way::Panels(plan) => plan.scratch(),
            Way::Dots(plan) => plan.scratch(),
        }
    }

    /// Estimated cycles of the slowest thread.
    fn cost(&self) -> f64 {
        match self {
            Way::Panels(plan) => plan.cost,
            Way::Dots(plan) => plan.cost,
        }
    }

    fn prepare(self, isa: Isa, is_reduced: bool) -> Prepared {
        match self {
            Way::Panels(plan) => engine::prepare(isa, Panels::new(plan), is_reduced),
            Way::Dots(plan) => engine::prepare(isa, Dots::new(plan), is_reduced),
        }
    }
}
