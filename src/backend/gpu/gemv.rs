//! `gemv`: which kernel, how the sums are cut, which launches. Twin of `kernels/gemv/`.

use super::recipe::{Argument, Build, Launch, Recipe, Step};
use super::target::Target;
use super::tuned::{Parameters, Tuned};
use crate::backend::Task;
use crate::error::{Error, Result};
use crate::terms::{DeviceKind, Format};

/// Fewer bytes of a than this for each of two threads of a CPU come faster from one.
const LEAST_BYTES: usize = 48 << 10;

/// Sums of so many terms are worth sums of a CPU thread's own.
const WORTH: usize = 64;

/// y = op(a) x, a m x n.
#[derive(Clone, Copy)]
struct Product {
    m: usize,
    n: usize,
    ta: usize,
}

/// How the outputs and the terms of their sums are shared out: so many of each to a work-group, but for the last.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Cut {
    share: usize,
    piece: usize,
}

impl Product {
    fn of(task: &Task<'_>) -> Result<Product> {
        let [m, n, ta] = ["m", "n", "ta"].map(|axis| task.shape.size(axis));
        if m.max(n) > i32::MAX as usize / 2 {
            return Err(Error::Unsupported("the kernels take sizes below 2^30".into()));
        }
        Ok(Product { m, n, ta })
    }

    /// The parameters with loads that every row of a begins at a multiple of.
    fn loads(&self, parameters: Parameters) -> Parameters {
        let row = if self.ta == 1 { self.m } else { self.n };
        let is_aligned = row.is_multiple_of(parameters.get("V").max(1));
        if is_aligned { parameters } else { parameters.with(&[("V", 1)]) }
    }

    /// For GPUs: as many pieces as give every unit its groups, none of them short.
    fn cut_for_groups(&self, parameters: &Parameters, units: usize) -> Cut {
        let [group, width, rows] = ["WG", "V", "ROWS"].map(|name| parameters.get(name));
        let (share, least) =
            if self.ta == 1 { (group * width, 8 * rows) } else { (rows, 4 * group * width) };
        let wanted = parameters.get("GROUPS_PER_UNIT") * units;
        let pieces = (wanted / self.m.div_ceil(share)).clamp(1, (self.n / least).max(1));
        Cut { share, piece: self.n.div_ceil(pieces).next_multiple_of(width) }
    }

    /// For CPUs: the outputs, and where these are too few for all threads the terms, if they are many.
    fn cut_for_threads(&self, parameters: &Parameters, format: Format, threads: usize) -> Cut {
        let Product { m, n, ta } = *self;
        let threads = (m * n * format.bytes() as usize / LEAST_BYTES).clamp(1, threads);
        let [rows, block, items] =
            ["ROWS", "BLOCK", "GROUPS_PER_UNIT"].map(|name| parameters.get(name));
        let parts = (m / if ta == 1 { 2 * block } else { 4 * rows }).clamp(1, threads);
        let pieces = (threads / parts).min(n / WORTH).max(1);
        if pieces > 1 {
            let share = m.div_ceil(parts).next_multiple_of(16);
            return Cut { share, piece: n.div_ceil(pieces).next_multiple_of(32) };
        }
        let items = if ta == 1 || threads == 1 { threads } else { items * threads };
        Cut { share: m.div_ceil(items).next_multiple_of(16), piece: n }
    }

    fn options(&self, parameters: &Parameters) -> String {
        format!("-D TA={} {}", self.ta, parameters.options())
    }

    /// The kernel and, where there is more than one piece, the sum of what comes of them. `sizes` are the kernel's
    /// after m and n; `group` is the items of a work-group, and `adding` those that add up pieces.
    fn recipe(
        &self,
        program: &'static str,
        parameters: &Parameters,
        (cut, sizes): (Cut, &[usize]),
        (group, adding): (usize, usize),
        local_bytes: u64,
    ) -> Recipe {
        let Product { m, n, .. } = *self;
        let (groups, pieces) = (m.div_ceil(cut.share), n.div_ceil(cut.piece));
        let int = |size: usize| Argument::Int(size as i32);
        let sums = if pieces > 1 { Argument::Scratch(0) } else { Argument::Output };
        let sizes = [m, n].into_iter().chain(sizes.iter().copied()).map(int);
        let operands = [Argument::Input(0), Argument::Input(1), sums];
        let local = [group, 1, 1];
        let step = |kernel, arguments, global, local_bytes| Step {
            program,
            kernel,
            options: self.options(parameters),
            arguments,
            launch: Launch { global, local },
            local_bytes,
        };
        let arguments = sizes.chain(operands).collect();
        let mut steps = vec![step("gemv", arguments, [groups * group, pieces, 1], local_bytes)];
        if pieces > 1 {
            let arguments = vec![int(m), int(pieces), sums, Argument::Output];
            let items = adding.next_multiple_of(group);
            steps.push(step("gemv_sums", arguments, [items, 1, 1], 0));
        }
        Recipe {
            steps,
            scratch: if pieces > 1 { vec![pieces * m] } else { Vec::new() },
            tile: (cut.share, 1),
            tuned: Some(parameters.tuning()),
            ..Recipe::default()
        }
    }
}

/// Work-groups take rows, or columns, of a.
pub fn local(target: &Target, task: &Task<'_>) -> Result<Recipe> {
    let p = Product::of(task)?;
    let parameters = p.loads(target.tuned.parameters("gemv", "local"));
    let cut = p.cut_for_groups(&parameters, target.units());
    let group = parameters.get("WG");
    let sums = if p.ta == 1 { 0 } else { parameters.get("ROWS") * group };
    let sizes = [cut.piece];
    Ok(p.recipe("gemv/local", &parameters, (cut, &sizes), (group, p.m), 4 * sums as u64))
}

/// A work-item takes a long stretch of a, for CPU devices.
pub fn packed(target: &Target, task: &Task<'_>) -> Result<Recipe> {
    if target.entry.kind != DeviceKind::Cpu {
        return Err(Error::Unsupported("packed is for CPU devices".into()));
    }
    let p = Product::of(task)?;
    let parameters = target.tuned.parameters("gemv", "packed");
    let cut = p.cut_for_threads(&parameters, task.format(), target.units());
    let sizes = [cut.share, cut.piece];
    let adding = target.units().min(p.m.div_ceil(LEAST_BYTES));
    Ok(p.recipe("gemv/packed", &parameters, (cut, &sizes), (1, adding), 0))
}

/// The GPU kernels as a class of devices builds them: rows of a that begin at whole vectors and ones that do not.
pub fn gpu_builds(class: &str) -> Vec<Build> {
    let parameters = Tuned::of_class(class).parameters("gemv", "local");
    let of = |ta, (size, word)| {
        let p = Product { m: size, n: size, ta };
        let options = p.options(&p.loads(parameters.clone()));
        Build { name: format!("gemv local ta={ta} {word}"), program: "gemv/local", options }
    };
    let sizes = [(64, "aligned"), (63, "unaligned")];
    [0, 1].into_iter().flat_map(|ta| sizes.map(|size| of(ta, size))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tuned::classes;
    use super::*;

    /// The rules at the top of the kernels, for every class.
    #[test]
    fn shipped_parameters_are_legal() {
        for class in classes() {
            let p = Tuned::of_class(class).parameters("gemv", "local");
            assert!([1, 2, 4].contains(&p.get("V")) && p.get("WG").is_power_of_two(), "{class}");
            assert!(p.get("ROWS") >= 1 && p.get("GROUPS_PER_UNIT") >= 1, "{class}");
        }
        let p = Tuned::of_class("cpu").parameters("gemv", "packed");
        assert!((1..=8).contains(&p.get("ROWS")) && p.get("GROUPS_PER_UNIT") >= 1);
        assert!(p.get("BLOCK") > 0 && p.get("BLOCK").is_multiple_of(16));
    }

    #[test]
    fn short_results_are_cut_into_pieces_and_long_ones_are_not() {
        let gpu = Tuned::of_class("gpu").parameters("gemv", "local");
        let pieces = |m, n, ta| {
            let p = Product { m, n, ta };
            let cut = p.cut_for_groups(&p.loads(gpu.clone()), 132);
            assert!(cut.piece.is_multiple_of(p.loads(gpu.clone()).get("V")));
            n.div_ceil(cut.piece)
        };
        assert_eq!(pieces(1 << 16, 1 << 10, 0), 1);
        assert_eq!(pieces(32, 64, 0), 1);
        assert!(pieces(32, 1 << 20, 0) > 100);
        assert!(pieces(4096, 4096, 1) > 10);
        assert_eq!(pieces(1 << 20, 32, 1), 1);
        let cpu = Tuned::of_class("cpu").parameters("gemv", "packed");
        let cut =
            |m, n, ta, threads| Product { m, n, ta }.cut_for_threads(&cpu, Format::F32, threads);
        assert_eq!(cut(100, 100, 0, 8), Cut { share: 112, piece: 100 });
        assert_eq!(cut(32, 1 << 20, 0, 8), Cut { share: 16, piece: 1 << 18 });
        assert_eq!(cut(4096, 4096, 1, 2), Cut { share: 4096, piece: 2048 });
        assert_eq!(cut(1 << 20, 32, 1, 2), Cut { share: 1 << 19, piece: 32 });
        assert!(cut(4096, 4096, 0, 2).share < 2048);
    }
}
