//! Thresholds that other projects have in their sources, as numbers chosen once for all machines.

use serde::Serialize;

use crate::terms::{Dtype, Scope};

use super::points::{self, Point};
use super::regret;

/// A product that a rule decides on.
struct Product {
    m: u64,
    n: u64,
    k: u64,
    is_double: bool,
    is_a_transposed: bool,
}

impl Product {
    fn flop(&self) -> f64 {
        2.0 * self.m as f64 * self.n as f64 * self.k as f64
    }

    fn all_from(&self, size: u64) -> bool {
        self.m.min(self.n).min(self.k) >= size
    }
}

/// A rule, as a project has it.
struct Rule {
    source: &'static str,
    words: &'static str,
    prefers_device: fn(&Product) -> bool,
}

/// The rules, with where they are from.
const RULES: &[Rule] = &[
    Rule {
        source: "primal-barracuda, src/dispatch/mod.rs",
        words: "m, n, k >= 64",
        prefers_device: |p| p.all_from(64),
    },
    Rule {
        source: "AutoOffload.jl, src/AutoOffload.jl",
        words: "m > 100",
        prefers_device: |p| p.m > 100,
    },
    Rule {
        source: "ETL (C++), threshold.hpp",
        words: "m n >= 180 x 180",
        prefers_device: |p| p.m as f64 * p.n as f64 >= 180.0 * 180.0,
    },
    Rule { source: "gam, issue 761", words: "FLOP >= 1e8", prefers_device: |p| p.flop() >= 1e8 },
    Rule {
        source: "SCILIB-Accel, README",
        words: "cbrt(m n k) > 500",
        prefers_device: |p| (p.flop() / 2.0).cbrt() > 500.0,
    },
    Rule {
        source: "Intel MKL, automatic offload",
        words: "m, n > 2048 (f64, A not transposed: 1280), k > 256",
        prefers_device: |p| {
            let size = if p.is_double && !p.is_a_transposed { 1280 } else { 2048 };
            p.m.min(p.n) > size && p.k > 256
        },
    },
    Rule { source: "MAGMA, zhetrd, issue 42", words: "n > 3000", prefers_device: |p| p.n > 3000 },
    Rule {
        source: "llama.cpp, issue 27425",
        words: "m or n >= 32",
        prefers_device: |p| p.m.max(p.n) >= 32,
    },
    Rule { source: "always the CPU", words: "never", prefers_device: |_| false },
    Rule { source: "always the device", words: "always", prefers_device: |_| true },
];

/// What a rule would cost here.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RuleCost {
    /// Whose it is.
    pub source: &'static str,
    /// When it takes the device.
    pub device_where: &'static str,
    /// Products it was tried on.
    pub shapes: usize,
    /// Total time of its choices over total time of the best, less 1, of products whose data are used once.
    pub regret: f64,
}

/// What the rules would cost at these points; none where they are no products whose data are moved.
pub fn costs(points: &[Point<'_>]) -> Vec<RuleCost> {
    let moved = points::distinct(points).into_iter().filter(|p| p.row.scope == Scope::EndToEnd);
    let products: Vec<_> = moved.filter_map(|p| Some((p, product(p)?))).collect();
    let cost = |rule: &Rule| RuleCost {
        source: rule.source,
        device_where: rule.words,
        shapes: products.len(),
        regret: regret::cost(
            products.iter().map(|(p, product)| (*p, (rule.prefers_device)(product))),
        ),
    };
    if products.is_empty() { Vec::new() } else { RULES.iter().map(cost).collect() }
}

fn product(point: &Point<'_>) -> Option<Product> {
    let size = |axis: &str| point.shape.values().find(|(name, _)| *name == axis).map(|v| v.1);
    // The rules are of one product.
    if size("batch").is_some() {
        return None;
    }
    Some(Product {
        m: size("m")?,
        n: size("n")?,
        k: size("k")?,
        is_double: point.row.dtype == Dtype::F64,
        is_a_transposed: size("ta")? == 1,
    })
}
