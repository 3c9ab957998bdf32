//! Tiles in local memory.

use super::super::geometry::Tile;
use super::super::tuned::{Chooser, Parameters, shapes};
use super::Kernel;
use super::product::Product;
use crate::error::Result;
use crate::terms::Conv;
use crate::workload::Pass;

/// Tiles in local memory.
pub const KERNEL: Kernel = Kernel { name: "local", program: "conv/local", plan, tile: Tile::local };

/// The product of a pass and the parameters that suit it.
fn plan(tuned: Chooser<'_>, conv: &Conv, pass: Pass) -> Result<(Product, Parameters)> {
    let rows = if pass == Pass::Dgrad { conv.group_c() } else { conv.group_k() };
    let mut cases = Vec::new();
    if pass == Pass::Wgrad {
        cases.push("wgrad");
    }
    if rows <= 64 {
        cases.push("narrow");
    }
    let class = shapes::conv(pass, conv, cases.contains(&"narrow"));
    let parameters = tuned.chosen("conv", "local", &cases, &class);
    let product = Product::of(conv, pass, Some(parameters.get("TK")))?;
    let width =
        |name, in_fours: bool| (name, if in_fours { parameters.get(name).max(1) } else { 1 });
    let flags = [
        ("PIXELS", usize::from(product.pixels)),
        ("TB", usize::from(product.pixels)),
        ("TAPWISE", usize::from(product.tapwise)),
        ("BOUNDED", usize::from(product.bounded)),
        width("VA", product.a_in_fours()),
        width("VB", product.b_in_fours()),
        width("VC", product.c_in_fours()),
    ];
    let parameters = parameters.with(&flags);
    Ok((product, parameters))
}

#[cfg(test)]
mod tests;
