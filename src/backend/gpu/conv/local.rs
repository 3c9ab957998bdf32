//! Tiles in local memory.

use super::super::recipe::{Build, Recipe};
use super::super::target::Target;
use super::super::tuned::{Chooser, Parameters, shapes};
use super::Kernel;
use super::product::Product;
use crate::backend::Task;
use crate::error::Result;
use crate::terms::Conv;
use crate::workload::Pass;

/// The program.
const PROGRAM: &str = "conv/local";

/// Local-memory tiles.
pub fn local(target: &Target, task: &Task<'_>) -> Result<Recipe> {
    super::recipe_by(target, task, plan, kernel)
}

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

fn kernel(parameters: &Parameters) -> Kernel {
    let get = |name| parameters.get(name);
    let (tm, tn, tk) = (get("TM"), get("TN"), get("TK"));
    let buffers = if get("DB") == 2 { 2 } else { 1 };
    Kernel {
        program: PROGRAM,
        options: parameters.options(),
        tile: (tm, tn),
        items: (tm / get("WM")) * (tn / get("WN")),
        local_bytes: 4 * (buffers * tk * (tm + get("PADA") + tn + get("PADB"))) as u64,
        tuned: parameters.tuning(),
        depth: tk,
    }
}

/// The kernel as a class of devices builds it for convolutions of all kinds.
pub fn gpu_builds(class: &str) -> Vec<Build> {
    super::builds_of(class, "local", PROGRAM, plan)
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
                    let kernel = kernel(&parameters);
                    let (tm, tn, tk) = (get("TM"), get("TN"), get("TK"));
                    assert!(tm % get("WM") == 0 && get("WM") % 4 == 0, "{what}");
                    assert!(tn % get("WN") == 0 && get("WN") % 4 == 0, "{what}");
                    assert!((tm * tk).is_multiple_of(kernel.items * get("VA")), "{what}");
                    assert!((tn * tk).is_multiple_of(kernel.items * get("VB")), "{what}");
                    let a_line = tk / get("VA");
                    let b_line = if get("TB") == 1 { tk } else { tn } / get("VB");
                    assert!(kernel.items.is_multiple_of(a_line), "{what}");
                    assert!(kernel.items.is_multiple_of(b_line), "{what}");
                    assert!((tm + get("PADA")) % 4 == 0 && (tn + get("PADB")) % 4 == 0, "{what}");
                    assert!(kernel.local_bytes <= 48 << 10 && kernel.items <= 256, "{what}");
                }
            }
        }
    }
}
