//! `gemm`: which kernel, which parameters, which launch. Twin of `kernels/gemm/`.

use super::geometry::{Tile, local_parameters_of, packed_launch, packed_parameters_of};
use super::recipe::{Argument, Build, Launch, Recipe, Step};
use super::target::Target;
use super::tuned::{Chooser, Parameters, Tuned, shapes};
use crate::backend::Task;
use crate::error::{Error, Result};
use crate::terms::Dtype;

/// Sizes as the kernels take them, and the dtype that they are compiled for. Operands are dense: a row is
/// as long as it is stored, and matrices of one product begin where those of the one before end.
struct Product {
    batch: usize,
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
        let (ta, tb, batch) = (shape.size("ta"), shape.size("tb"), shape.size("batch"));
        if [m, n, k].iter().any(|size| *size > i32::MAX as usize / 2) {
            return Err(Error::Unsupported("the kernels take sizes below 2^30".into()));
        }
        let lda = if ta == 1 { m } else { k };
        let ldb = if tb == 1 { k } else { n };
        Ok(Product { batch, m, n, k, ta, tb, lda, ldb, dtype })
    }

    /// m n k a lda b ldb c ldc, as every kernel of the family takes them; of many products also how far the
    /// matrices of one are from those of the next.
    fn arguments(&self) -> Vec<Argument> {
        let int = |size: usize| Argument::Int(size as i32);
        let mut arguments = vec![
            int(self.m),
            int(self.n),
            int(self.k),
            Argument::Input(0),
            int(self.lda),
            Argument::Input(1),
            int(self.ldb),
            Argument::Output,
            int(self.n),
        ];
        if self.batch > 1 {
            let (m, n, k) = (self.m, self.n, self.k);
            arguments.extend([m * k, k * n, m * n].map(int));
        }
        arguments
    }

    /// Whether vectors of `width` elements may be read from every row of a and b.
    fn aligned(&self, width: usize) -> bool {
        self.lda.is_multiple_of(width) && self.ldb.is_multiple_of(width)
    }

    fn options(&self, parameters: &Parameters) -> String {
        let batched = if self.batch > 1 { "-D BATCHED " } else { "" };
        format!("{batched}-D TA={} -D TB={} {}", self.ta, self.tb, parameters.options())
    }

    /// Bytes of so many sums in local memory.
    fn sum_bytes(&self, sums: usize) -> u64 {
        self.dtype.formats().accumulator.bytes() * sums as u64
    }

    /// A kernel whose work-groups compute a tile each.
    fn tiled(&self, program: &'static str, parameters: &Parameters, tile: Tile) -> Recipe {
        let launch = tile.launch(self.m, self.n, self.batch);
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
            local_bytes: 4 * tile.numbers as u64,
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
        // One of many begins elsewhere, and is the same but for that.
        let batched = [(64, 2, "batched")].into_iter().filter(|_| (ta, tb) == (0, 0));
        let sizes = [(64, 1, "aligned"), (63, 1, "unaligned")].into_iter().chain(batched);
        for (size, batch, word) in sizes {
            let (m, n, k, dtype) = (size, size, size, Dtype::F32);
            let p = Product { batch, m, n, k, ta, tb, lda: size, ldb: size, dtype };
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
    let launch = packed_launch(&parameters, [p.m, p.n, p.batch], target.units());
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
mod tests;
