//! What every prepared task can do, and the facets that only some have.

use super::{Parts, Remote, Training};
use crate::error::{Error, Result};
use crate::tensor::{Operands, Values};
use crate::terms::Scope;
use crate::workload::{Algorithm, Work};

/// A prepared task: everything that may happen inside the timed region, and what checks need.
pub trait Runner {
    /// Takes new operands, on which runs compute from now on, and makes them resident. The call blocks.
    fn load(&mut self, operands: &Operands) -> Result<()>;

    /// Fills the outputs of both scopes with poison between fences. Before an end-to-end run the
    /// device's copies of the operands are spoilt too, where there are such: what the run does not
    /// upload must show. The call blocks.
    fn poison(&mut self, scope: Scope) -> Result<()>;

    /// Computes once. It must not return before the result is there.
    fn run(&mut self, scope: Scope) -> Result<()>;

    /// Computes once on a clock of the device's own, and returns the seconds from the first start to the
    /// last end; none where the device has no such clock.
    fn run_on_device_clock(&mut self) -> Result<Option<f64>> {
        Ok(None)
    }

    /// Empties the caches, so that the next run finds nothing in them. The call blocks.
    fn flush(&mut self) -> Result<()> {
        Err(Error::Unsupported("its caches can't be flushed".to_string()))
    }

    /// The number of the first operand that is, where runs read it, no longer as it was loaded.
    fn overwritten(&mut self) -> Result<Option<usize>>;

    /// The output of the last run in that scope, with its fences.
    fn output(&mut self, scope: Scope) -> Result<Values<'_>>;

    /// What is to be known of this runner besides its times.
    fn details(&self) -> Details;

    /// Whether it computes where operands and results are: a run is then the same in every scope.
    fn moves_nothing(&self) -> bool {
        false
    }

    /// Whether it can be run in a scope of its workload.
    fn serves(&self, _: Scope) -> bool {
        true
    }

    /// Its facet as a training, where a run changes what the next one starts from. Such runs are timed
    /// from the restored state.
    fn training(&mut self) -> Option<&mut dyn Training> {
        None
    }

    /// Its facet as a process of its own, where only that can tell how long a run took.
    fn remote(&mut self) -> Option<&mut dyn Remote> {
        None
    }

    /// Its facet as a sequence of operations, where they can be told apart.
    fn parts(&mut self) -> Option<&mut dyn Parts> {
        None
    }
}

/// Facts about a prepared runner.
#[derive(Clone, Debug, PartialEq)]
pub struct Details {
    /// Where its parameters come from: `user`, `shipped`, `default`; empty where it has none.
    pub tuned: &'static str,
    /// Notes on its rows, in the words of `docs/format.md`, such as `reduced-scratch`.
    pub notes: Vec<String>,
    /// Extra memory on the device, in bytes.
    pub scratch_bytes: u64,
    /// Whether preparing compiled from source, so that its time means something.
    pub compiled: bool,
    /// Rows and columns of the output that one work-group or task computes.
    pub tile: (usize, usize),
    /// Threads that it uses, where it tells; else the device's count holds.
    pub threads: Option<u32>,
    /// What one run does, where the workload leaves it to the runner.
    pub work: Option<Work>,
    /// How it comes to its results.
    pub algorithm: Algorithm,
    /// How often one call of `run` does it: at least once.
    pub repeats: u64,
}

impl Default for Details {
    fn default() -> Self {
        Details {
            tuned: "",
            notes: Vec::new(),
            scratch_bytes: 0,
            compiled: false,
            tile: (1, 1),
            threads: None,
            work: None,
            algorithm: Algorithm::Direct,
            repeats: 1,
        }
    }
}
