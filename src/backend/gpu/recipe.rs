//! How a task is computed on any GPU API: kernels by name, one after the other, with their arguments and
//! launches.

use super::tuned::Tuning;
use crate::terms::{Dtype, Format};
use crate::workload::Work;

/// One launch of a kernel.
#[derive(Clone, Debug, PartialEq)]
pub struct Launch {
    /// Work-items in each direction.
    pub global: [usize; 3],
    /// Work-items of a work-group in each direction.
    pub local: [usize; 3],
}

impl Launch {
    /// Work-groups of so many items, side by side.
    pub fn of_groups(groups: usize, items: usize) -> Launch {
        Launch { global: [groups * items, 1, 1], local: [items, 1, 1] }
    }

    /// Work-items of a work-group.
    pub fn group_size(&self) -> usize {
        self.local.iter().product()
    }
}

/// How a task is computed on a device: kernels, one after the other.
#[derive(Default)]
pub struct Recipe {
    /// The kernels with their launches.
    pub steps: Vec<Step>,
    /// Floats of each buffer between the kernels.
    pub scratch: Vec<usize>,
    /// What the kernels look up, uploaded once.
    pub tables: Vec<Vec<i32>>,
    /// Rows and columns of the output that one work-group computes.
    pub tile: (usize, usize),
    /// Where the parameters come from; none where there are none.
    pub tuned: Option<Tuning>,
    /// What a run does, where the workload leaves it to the device.
    pub work: Option<Work>,
}

impl Recipe {
    /// A recipe that was made for f32, with the macro of `kernels/number.cl` that says what numbers are, and
    /// with the memory that sums of their format take, in work-groups and between kernels.
    pub fn in_dtype(mut self, dtype: Dtype) -> Recipe {
        if dtype != Dtype::F32 {
            let number = format!(" -D {}", dtype.name().to_uppercase());
            let wider = dtype.formats().accumulator.bytes() / Format::F32.bytes();
            for step in &mut self.steps {
                step.options.push_str(&number);
                step.local_bytes *= wider;
            }
            self.scratch.iter_mut().for_each(|floats| *floats *= wider as usize);
        }
        self
    }
}

/// One kernel and its launch.
pub struct Step<A = Argument> {
    /// Name of the program that has the kernel, among [`Kernels`](super::Kernels).
    pub program: &'static str,
    /// Name of the function in it.
    pub kernel: &'static str,
    /// Macros, as `-D` options.
    pub options: String,
    /// Sizes, numbers and buffers, in the kernel's order.
    pub arguments: Vec<A>,
    /// How it is launched.
    pub launch: Launch,
    /// Local memory it takes, in bytes, with sums in f32 before [`Recipe::in_dtype`].
    pub local_bytes: u64,
}

impl<A> Step<A> {
    /// The same with other arguments.
    pub fn with<B>(self, change: impl FnOnce(Vec<A>) -> Vec<B>) -> Step<B> {
        let Step { program, kernel, options, arguments, launch, local_bytes } = self;
        Step { program, kernel, options, arguments: change(arguments), launch, local_bytes }
    }
}

/// One kernel argument.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Argument {
    /// A size.
    Int(i32),
    /// A number.
    Float(f32),
    /// Input tensor number.
    Input(usize),
    /// The output.
    Output,
    /// A buffer between kernels.
    Scratch(usize),
    /// A table.
    Table(usize),
}

/// A kernel as a class of GPUs builds it, for compilers that need no device.
pub struct Build {
    /// Which kernel, and for which operands.
    pub name: String,
    /// Name of its program, among [`Kernels`](super::Kernels).
    pub program: &'static str,
    /// Macros, as `-D` options.
    pub options: String,
}
