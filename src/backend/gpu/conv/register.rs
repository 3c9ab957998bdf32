//! Registers only.

use super::super::geometry::Tile;
use super::super::tuned::{Chooser, Parameters, shapes};
use super::Kernel;
use super::product::Product;
use crate::error::Result;
use crate::terms::Conv;
use crate::workload::Pass;

/// No local memory.
pub const KERNEL: Kernel =
    Kernel { name: "register", program: "conv/register", plan, tile: Tile::register };

/// The product of a pass and the parameters that suit it.
fn plan(tuned: Chooser<'_>, conv: &Conv, pass: Pass) -> Result<(Product, Parameters)> {
    let product = Product::of(conv, pass, None)?;
    let parameters = tuned.chosen("conv", "register", &[], &shapes::conv(pass, conv, false));
    let flags = [
        ("PIXELS", usize::from(product.pixels)),
        ("BOUNDED", usize::from(product.bounded)),
        ("VA", if product.a_in_fours() { 4 } else { 1 }),
        ("VC", if product.c_in_fours() { parameters.get("V") } else { 1 }),
    ];
    let parameters = parameters.with(&flags);
    Ok((product, parameters))
}

#[cfg(test)]
mod tests {
    use super::super::super::tuned::{Tuned, classes};

    #[test]
    fn shipped_parameters_are_legal() {
        for class in classes() {
            let parameters = Tuned::of_class(class).parameters("conv", "register");
            let get = |name| parameters.get(name);
            assert!([1, 4].contains(&get("V")), "{class}");
            assert!(get("WM") >= 1 && get("WN") >= 1 && get("WN") % get("V") == 0, "{class}");
            assert!((1..=256).contains(&(get("LX") * get("LY"))), "{class}");
        }
    }
}
