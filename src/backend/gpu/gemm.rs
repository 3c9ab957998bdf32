//! `gemm`: which kernel, which parameters, which launch. Twin of `kernels/gemm/`.

use super::geometry::{Tile, local_parameters_of, packed_launch, packed_parameters_of};
use super::recipe::{Argument, Build, Launch, Recipe, Step};
use super::target::Target;
use super::tuned::{Chooser, Parameters, Tuned, shapes};
use crate::backend::Task;
use crate::error::{Error, Result};
use crate::terms::Dtype;

/// Sizes as the kernels take them, and the dtype that they are compiled for. Operands are dense: a row is
/// as long as it is stored.
struct Product {
    m: usize,
    n: usize,
    k: usize,
    ta: usize,
    tb: usize,
    lda: usize,
    ldb: usize,
    dtype: Dtype,
}

impl Product {
    fn of(task: &Task<'_>) -> Result<Product> {
        let (shape, dtype) = (task.shape, task.dtype);
        let (m, n, k) = (shape.size("m"), shape.size("n"), shape.size("k"));
        let (ta, tb) = (shape.size("ta"), shape.size("tb"));
        if [m, n, k].iter().any(|size| *size > i32::MAX as usize / 2) {
            return Err(Error::Unsupported("the kernels take sizes below 2^30".into()));
        }
        let lda = if ta == 1 { m } else { k };
        let ldb = if tb == 1 { k } else { n };
        Ok(Product { m, n, k, ta, tb, lda, ldb, dtype })
    }

    /// m n k a lda b ldb c ldc, as every kernel of the family takes them.
    fn arguments(&self) -> Vec<Argument> {
        let int = |size: usize| Argument::Int(size as i32);
        vec![
            int(self.m),
            int(self.n),
            int(self.k),
            Argument::Input(0),
            int(self.lda),
            Argument::Input(1),
            int(self.ldb),
            Argument::Output,
            int(self.n),
        ]
    }

    /// Whether vectors of `width` elements may be read from every row of a and b.
    fn aligned(&self, width: usize) -> bool {
        self.lda.is_multiple_of(width) && self.ldb.is_multiple_of(width)
    }

    fn options(&self, parameters: &Parameters) -> String {
        format!("-D TA={} -D TB={} {}", self.ta, self.tb, parameters.options())
    }

    /// Bytes of so many sums in local memory.
    fn sum_bytes(&self, sums: usize) -> u64 {
        self.dtype.formats().accumulator.bytes() * sums as u64
    }

    /// A kernel whose work-groups compute a tile each.
    fn tiled(&self, program: &'static str, parameters: &Parameters, tile: Tile) -> Recipe {
        let launch = tile.launch(self.m, self.n, 1);
        self.recipe(program, parameters, tile, launch)
    }

    fn recipe(
        &self,
        program: &'static str,
        parameters: &Parameters,
        tile: Tile,
        launch: Launch,
    ) -> Recipe {
        let step = Step {
            program,
            kernel: "gemm",
            options: self.options(parameters),
            arguments: self.arguments(),
            launch,
            local_bytes: self.sum_bytes(tile.numbers),
        };
        let (tile, tuned) = ((tile.rows, tile.columns), Some(parameters.tuning()));
        Recipe { steps: vec![step], tile, tuned, ..Recipe::default() }
    }

    /// The parameters of an implementation for such sizes.
    fn chosen(&self, tuned: Chooser<'_>, implementation: &str, cases: &[&str]) -> Parameters {
        let class = shapes::gemm(self.m, self.n, self.ta);
        tuned.in_dtype(self.dtype).chosen("gemm", implementation, cases, class)
    }
}

/// Local-memory tiles.
pub fn local(target: &Target, task: &Task<'_>) -> Result<Recipe> {
    let p = Product::of(task)?;
    let parameters = local_parameters(target.tuned.at(task.parameters), &p);
    Ok(p.tiled("gemm/local", &parameters, Tile::local(&parameters)))
}

fn local_parameters(tuned: Chooser<'_>, p: &Product) -> Parameters {
    let short = p.lda.min(p.ldb) < 4;
    let choose = |cases: &[&str]| p.chosen(tuned, "local", cases);
    local_parameters_of(choose, p.aligned(4), short, p.n.is_multiple_of(4))
}

/// Registers only.
pub fn register(target: &Target, task: &Task<'_>) -> Result<Recipe> {
    let p = Product::of(task)?;
    let parameters = register_parameters(target.tuned.at(task.parameters), &p);
    Ok(p.tiled("gemm/register", &parameters, Tile::register(&parameters)))
}

fn register_parameters(tuned: Chooser<'_>, p: &Product) -> Parameters {
    let parameters = p.chosen(tuned, "register", &[]);
    if p.aligned(parameters.get("V")) {
        parameters
    } else {
        p.chosen(tuned, "register", &["unaligned"]).with(&[("V", 1)])
    }
}

/// The GPU kernels as a class of devices builds them: all transposes, aligned and odd sizes.
pub fn gpu_builds(class: &str) -> Vec<Build> {
    let tuned = Tuned::of_class(class);
    let mut builds = Vec::new();
    for (ta, tb) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        for (size, word) in [(64, "aligned"), (63, "unaligned")] {
            let (m, n, k, dtype) = (size, size, size, Dtype::F32);
            let p = Product { m, n, k, ta, tb, lda: size, ldb: size, dtype };
            let mut add = |kernel: &str, program: &'static str, parameters: &Parameters| {
                builds.push(Build {
                    name: format!("gemm {kernel} ta={ta} tb={tb} {word}"),
                    program,
                    options: p.options(parameters),
                });
            };
            add("local", "gemm/local", &local_parameters(tuned.at(None), &p));
            add("register", "gemm/register", &register_parameters(tuned.at(None), &p));
        }
    }
    builds
}

/// One work-item an element.
pub fn naive(target: &Target, task: &Task<'_>) -> Result<Recipe> {
    let p = Product::of(task)?;
    let parameters = target.tuned.parameters("gemm", "naive");
    Ok(p.tiled("gemm/naive", &parameters, Tile::naive(&parameters)))
}

/// Packed panels, for CPU devices: a work-group is one work-item, which owns a block of c.
pub fn packed(target: &Target, task: &Task<'_>) -> Result<Recipe> {
    let p = Product::of(task)?;
    let base = packed_parameters(target.tuned.at(task.parameters), &p)
        .ok_or_else(|| Error::Unsupported("packed is for CPU devices".into()))?;
    let parameters = packed_blocks(&p, &base, target.local_memory());
    let launch = packed_launch(&parameters, [p.m, p.n, 1], target.units());
    Ok(p.recipe("gemm/packed", &parameters, Tile::packed(&parameters), launch))
}

/// None for classes that have no such kernel.
fn packed_parameters(tuned: Chooser<'_>, p: &Product) -> Option<Parameters> {
    let tuned = tuned.in_dtype(p.dtype);
    let parameters = packed_parameters_of(tuned, shapes::gemm(p.m, p.n, p.ta));
    Some(parameters).filter(|parameters| parameters.get("NV") > 0)
}

/// The parameters with NC and KC for a shape: a block's packed b takes half of the cache that the driver
/// calls local memory.
fn packed_blocks(p: &Product, base: &Parameters, local_memory: usize) -> Parameters {
    const LEAST_KC: usize = 256;
    let nr = 16 * base.get("NV");
    let sums = local_memory.min(1 << 20) / 2 / p.sum_bytes(1) as usize;
    // Powers of two only: a program serves many shapes.
    let mut nc = base.get("NC").min(p.n.next_power_of_two()).max(nr);
    while nc > nr && nc * LEAST_KC > sums {
        nc /= 2;
    }
    let room = (sums / nc + 1).next_power_of_two() / 2;
    let kc = base.get("KC").min(room).min(p.k.next_power_of_two()).max(16);
    base.with(&[("NC", nc), ("KC", kc)])
}

#[cfg(test)]
mod tests {
    use super::super::tuned::classes;
    use super::*;

    fn product([m, n, k]: [usize; 3], dtype: Dtype) -> Product {
        Product { m, n, k, ta: 0, tb: 0, lda: k, ldb: n, dtype }
    }

    const DTYPES: [Dtype; 3] = [Dtype::F32, Dtype::F64, Dtype::Bf16];

    /// The rules at the top of local.cl and register.cl, for every class, dtype and case.
    #[test]
    fn shipped_parameters_are_legal() {
        for (class, dtype) in classes().into_iter().flat_map(|c| DTYPES.map(|dtype| (c, dtype))) {
            let tuned = Tuned::of_class(class);
            let p = product([100, 100, 100], dtype);
            let chosen = |name, cases: &[&str]| p.chosen(tuned.at(None), name, cases);
            for parameters in [chosen("local", &[]), chosen("local", &["unaligned"])] {
                let get = |name| parameters.get(name);
                let items = get("TM") / get("WM") * (get("TN") / get("WN"));
                assert!(
                    get("TM").is_multiple_of(get("WM")) && get("WM").is_multiple_of(4),
                    "{class}"
                );
                assert!(
                    get("TN").is_multiple_of(get("WN")) && get("WN").is_multiple_of(4),
                    "{class}"
                );
                assert!((get("TM") * get("TK")).is_multiple_of(items * get("VA")), "{class}");
                assert!((get("TN") * get("TK")).is_multiple_of(items * get("VB")), "{class}");
                let local_bytes = p.sum_bytes(Tile::local(&parameters).numbers);
                assert!(local_bytes <= 32 << 10 && items <= 256, "{class} {dtype:?}");
            }
            let packed = packed_parameters(tuned.at(None), &p);
            assert_eq!(packed.is_some(), class == "cpu", "{class}");
            let naive = tuned.parameters("gemm", "naive");
            assert!(naive.get("LX") > 0 && naive.get("LY") > 0, "{class}");
            let register = chosen("register", &[]);
            assert!(register.get("WN").is_multiple_of(register.get("V")), "{class}");
            assert!(register.get("KU").is_multiple_of(register.get("V")), "{class}");
        }
    }

    #[test]
    fn packed_blocks_cover_c_and_fit_local_memory() {
        let tuned = Tuned::of_class("cpu");
        let sizes = [[1, 1, 1], [256, 256, 256], [64, 3136, 576], [512, 49, 4608], [9, 9999, 9]];
        for (size, dtype) in sizes.iter().flat_map(|s| [Dtype::F32, Dtype::F64].map(|d| (*s, d))) {
            let p = product(size, dtype);
            let base = packed_parameters(tuned.at(None), &p).unwrap();
            for local_memory in [32 << 10, 256 << 10, 1 << 20] {
                for threads in [1, 2, 64] {
                    let parameters = packed_blocks(&p, &base, local_memory);
                    let launch = packed_launch(&parameters, [p.m, p.n, 1], threads);
                    let [rows, columns, _] = launch.global;
                    let (nc, kc) = (parameters.get("NC"), parameters.get("KC"));
                    assert!(rows >= 1 && columns >= p.n.div_ceil(nc));
                    assert!(kc >= 16 && kc % 16 == 0 && nc % (16 * base.get("NV")) == 0);
                    assert!(p.sum_bytes(nc * kc) <= local_memory as u64);
                }
            }
        }
    }
}
