//! How a task is computed: kernels, one after the other.

use super::tuned::Tuning;
use crate::workload::Work;

/// One launch of a kernel.
#[derive(Clone, Debug, PartialEq)]
pub struct Launch {
    /// Work-items in each direction.
    pub global: [usize; 3],
    /// Work-items of a work-group in each direction.
    pub local: [usize; 3],
}

/// How a task is computed on a device: kernels, one after the other.
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

/// One kernel and its launch.
pub struct Step {
    /// File of the kernel, for messages and the program cache.
    pub file: &'static str,
    /// Its source.
    pub source: &'static str,
    /// Name of the function in it.
    pub kernel: &'static str,
    /// `-D` options.
    pub options: String,
    /// Scalar arguments that surround the buffers, in the kernel's order.
    pub arguments: Vec<Argument>,
    /// How it is launched.
    pub launch: Launch,
    /// Work-items of a work-group.
    pub group_size: usize,
    /// Local memory it takes, in bytes.
    pub local_bytes: u64,
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
    /// Its source.
    pub source: &'static str,
    /// `-D` options.
    pub options: String,
}
