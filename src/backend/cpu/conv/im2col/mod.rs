//! Convolutions the plain way: what the filters see of an image is written out as a matrix, and the
//! `gemm` crate multiplies it. What others are compared with.
//!
//! For each image and group, filters K x CRS, the matrix CRS x PQ, y K x PQ:
//!
//! ```text
//! fprop   y = filters matrix(x)      dgrad   matrix(dx) = filters^T dy      wgrad   dw += dy matrix(x)^T
//! ```
//!
//! A matrix too large for the scratch is made in strips of pixels. 1 x 1 filters without stride and pad
//! need none: an image is its own matrix. The threads take an image each where there are enough of
//! them, else they share matrix and product.

mod matrix;
#[cfg(test)]
mod tests;
mod unfold;

use rayon::prelude::*;

use super::Prepared;
use crate::backend::cpu::Pool;
use crate::error::Result;
use crate::terms::Conv;
use crate::workload::Pass;
use matrix::{Matrix, multiply};
use unfold::Strip;

/// Products with fewer pixels are slower.
const ENOUGH: usize = 1024;

/// (x, f) -> y.
pub fn fprop(threads: usize, conv: &Conv, scratch_limit: u64) -> Result<Box<dyn Prepared>> {
    Ok(Box::new(Im2col::new(Pass::Fprop, threads, conv, scratch_limit)))
}

/// (dy, f) -> dx.
pub fn dgrad(threads: usize, conv: &Conv, scratch_limit: u64) -> Result<Box<dyn Prepared>> {
    Ok(Box::new(Im2col::new(Pass::Dgrad, threads, conv, scratch_limit)))
}

/// (dy, x) -> dw.
pub fn wgrad(threads: usize, conv: &Conv, scratch_limit: u64) -> Result<Box<dyn Prepared>> {
    Ok(Box::new(Im2col::new(Pass::Wgrad, threads, conv, scratch_limit)))
}

struct Im2col {
    plan: Plan,
    /// A matrix for every task.
    scratch: Vec<f32>,
}

/// Who computes what.
#[derive(Clone, Copy, Debug)]
struct Plan {
    pass: Pass,
    conv: Conv,
    threads: usize,
    /// An image's group of the output each, or all images of a group of filters.
    units: usize,
    /// Units of a task, computed one after another. A single task shares its work out.
    task_units: usize,
    /// Pixels of a strip.
    strip: usize,
    /// Whether an image is its own matrix.
    is_own: bool,
}

impl Im2col {
    fn new(pass: Pass, threads: usize, conv: &Conv, scratch_limit: u64) -> Im2col {
        let conv = *conv;
        let units = conv.groups * if pass == Pass::Wgrad { 1 } else { conv.n };
        let is_even = units.is_multiple_of(threads) || units > 4 * threads;
        let task_units = if is_even { units.div_ceil(threads) } else { units };
        let is_own = conv.r * conv.s == 1 && conv.stride == [1, 1] && conv.pad == [0, 0];
        let strip = conv.p() * conv.q();
        let mut plan = Plan { pass, conv, threads, units, task_units, strip, is_own };
        if !is_own {
            let limit = usize::try_from(scratch_limit).unwrap_or(usize::MAX);
            let most = limit / size_of::<f32>() / plan.tasks() / plan.rows();
            // A pixel at least, whatever the limit.
            plan.strip = strip.div_ceil(strip.div_ceil(most.max(1)));
        }
        Im2col { plan, scratch: vec![0.0; plan.tasks() * plan.matrix_len()] }
    }
}

impl Prepared for Im2col {
    fn run(&mut self, pool: &Pool, a: &[f32], b: &[f32], out: &mut [f32]) {
        let plan = &self.plan;
        assert_eq!([a.len(), b.len(), out.len()], plan.lengths());
        let (unit, groups) = (out.len() / plan.units, plan.conv.groups);
        let outs = out.par_chunks_mut(unit * plan.task_units);
        let matrices = self.scratch.par_chunks_mut(plan.matrix_len());
        pool.install(|| {
            outs.zip(matrices).enumerate().for_each(|(task, (out, matrix))| {
                for (unit, out) in (task * plan.task_units..).zip(out.chunks_mut(unit)) {
                    let (image, group) = (unit / groups, unit % groups);
                    match plan.pass {
                        Pass::Fprop => plan.fprop([image, group], a, b, matrix, out),
                        Pass::Dgrad => plan.dgrad([image, group], a, b, matrix, out),
                        Pass::Wgrad => plan.wgrad(group, a, b, matrix, out),
                    }
                }
            });
        });
    }

    fn scratch_bytes(&self) -> u64 {
        size_of_val(&self.scratch[..]) as u64
    }

    fn is_reduced(&self) -> bool {
        self.plan.strip < ENOUGH.min(self.plan.plane())
    }
}

impl Plan {
    /// Elements of the two operands and the output.
    fn lengths(&self) -> [usize; 3] {
        let (x, f, y) = (self.conv.x_len(), self.conv.f_len(), self.conv.y_len());
        match self.pass {
            Pass::Fprop => [x, f, y],
            Pass::Dgrad => [y, f, x],
            Pass::Wgrad => [y, x, f],
        }
    }

    /// Rows of a matrix: what a filter sees.
    fn rows(&self) -> usize {
        self.conv.group_c() * self.conv.r * self.conv.s
    }

    /// Pixels of an output image.
    fn plane(&self) -> usize {
        self.conv.p() * self.conv.q()
    }

    fn tasks(&self) -> usize {
        self.units.div_ceil(self.task_units)
    }

    /// Floats of a strip's matrix, or one in its place.
    fn matrix_len(&self) -> usize {
        if self.is_own { 1 } else { self.rows() * self.strip }
    }

    /// Threads that share the product of a task.
    fn sharing(&self) -> usize {
        if self.tasks() == 1 { self.threads } else { 1 }
    }

    fn strips(&self) -> impl Iterator<Item = Strip> {
        let (plane, is_shared) = (self.plane(), self.sharing() > 1);
        (0..plane).step_by(self.strip).map(move |start| {
            let pixels = start..plane.min(start + self.strip);
            Strip { pixels, is_shared }
        })
    }

    /// The filters of a group, K x CRS.
    fn filters<'a>(&self, group: usize, all: &'a [f32]) -> Matrix<'a> {
        let (filters, rows) = (self.conv.group_k(), self.rows());
        Matrix::new(&all[group * filters * rows..], filters, rows, rows)
    }

    /// A group of an image of x.
    fn image<'a>(&self, [image, group]: [usize; 2], x: &'a [f32]) -> &'a [f32] {
        let len = self.conv.group_c() * self.conv.h * self.conv.w;
        &x[(image * self.conv.groups + group) * len..][..len]
    }

    /// A strip of a group of an image of y, K x pixels.
    fn pixels<'a>(&self, [image, group]: [usize; 2], strip: &Strip, y: &'a [f32]) -> Matrix<'a> {
        let (filters, plane) = (self.conv.group_k(), self.plane());
        let y = &y[(image * self.conv.groups + group) * filters * plane + strip.pixels.start..];
        Matrix::new(y, filters, strip.pixels.len(), plane)
    }

    /// The matrix of a strip, CRS x pixels.
    fn unfold<'a>(&self, strip: &Strip, image: &'a [f32], matrix: &'a mut [f32]) -> Matrix<'a> {
        let (rows, pixels) = (self.rows(), strip.pixels.len());
        if self.is_own {
            return Matrix::new(image, rows, pixels, pixels);
        }
        let matrix = &mut matrix[..rows * pixels];
        strip.unfold(&self.conv, image, matrix);
        Matrix::new(matrix, rows, pixels, pixels)
    }

    fn fprop(&self, at: [usize; 2], x: &[f32], f: &[f32], matrix: &mut [f32], y: &mut [f32]) {
        for strip in self.strips() {
            let seen = self.unfold(&strip, self.image(at, x), matrix);
            let y = &mut y[strip.pixels.start..];
            multiply(self.filters(at[1], f), seen, y, self.plane(), false, self.sharing());
        }
    }

    fn dgrad(&self, at: [usize; 2], dy: &[f32], f: &[f32], matrix: &mut [f32], dx: &mut [f32]) {
        let filters = self.filters(at[1], f).transposed();
        if !self.is_own {
            dx.fill(0.0);
        }
        for strip in self.strips() {
            let (dy, pixels) = (self.pixels(at, &strip, dy), strip.pixels.len());
            if self.is_own {
                multiply(filters, dy, dx, pixels, false, self.sharing());
            } else {
                let matrix = &mut matrix[..self.rows() * pixels];
                multiply(filters, dy, matrix, pixels, false, self.sharing());
                strip.fold(&self.conv, matrix, dx);
            }
        }
    }

    fn wgrad(&self, group: usize, dy: &[f32], x: &[f32], matrix: &mut [f32], dw: &mut [f32]) {
        for image in 0..self.conv.n {
            let at = [image, group];
            for strip in self.strips() {
                let seen = self.unfold(&strip, self.image(at, x), matrix).transposed();
                let add = image > 0 || strip.pixels.start > 0;
                let dy = self.pixels(at, &strip, dy);
                multiply(dy, seen, dw, self.rows(), add, self.sharing());
            }
        }
    }
}
