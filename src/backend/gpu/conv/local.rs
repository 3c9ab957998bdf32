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
mod tests {
    use super::super::super::tuned::{Tuned, classes};
    use super::*;

    /// The rules at the top of tile.cl and local.cl, for every class and kind of convolution.
    #[test]
    fn shipped_parameters_are_legal() {
        for class in classes() {
            let tuned = Tuned::of_class(class);
            for (word, conv) in super::super::kinds() {
                for pass in Pass::ALL {
                    let name = pass.name();
                    let (_, parameters) = plan(tuned.at(None), &conv, pass).unwrap();
                    let what = format!("{class} {name} {word}: {}", parameters.options());
                    let get = |name| parameters.get(name);
                    let tile = Tile::local(&parameters);
                    let (items, local_bytes) = (tile.items[0], 4 * tile.numbers);
                    let (tm, tn, tk) = (get("TM"), get("TN"), get("TK"));
                    assert!(tm % get("WM") == 0 && get("WM") % 4 == 0, "{what}");
                    assert!(tn % get("WN") == 0 && get("WN") % 4 == 0, "{what}");
                    assert!((tm * tk).is_multiple_of(items * get("VA")), "{what}");
                    assert!((tn * tk).is_multiple_of(items * get("VB")), "{what}");
                    let a_line = tk / get("VA");
                    let b_line = if get("TB") == 1 { tk } else { tn } / get("VB");
                    assert!(items.is_multiple_of(a_line), "{what}");
                    assert!(items.is_multiple_of(b_line), "{what}");
                    assert!((tm + get("PADA")) % 4 == 0 && (tn + get("PADB")) % 4 == 0, "{what}");
                    assert!(local_bytes <= 48 << 10 && items <= 256, "{what}");
                }
            }
        }
    }
}
