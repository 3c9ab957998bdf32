//! A side of a race at one size, as something that rounds can sample.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use super::Check;
use super::process::{self, Run};
use crate::backend::{Details, Runner};
use crate::error::{Error, Result};
use crate::measure::{Clock, WallClock};
use crate::tensor::{Operands, Values};
use crate::terms::Scope;

/// A clock on which some work takes what its runs say that they took: a process is timed from its start to its end,
/// or by itself.
#[derive(Clone, Default)]
pub struct RunClock {
    wall: Rc<WallClock>,
    ran_s: Rc<Cell<f64>>,
}

impl Clock for RunClock {
    fn now(&self) -> f64 {
        self.wall.now()
    }

    fn time(&self, work: &mut dyn FnMut() -> Result<()>) -> Result<f64> {
        self.ran_s.set(0.0);
        work()?;
        Ok(self.ran_s.get())
    }
}

/// See the module.
pub struct Side {
    words: Vec<String>,
    limit: Duration,
    clock: RunClock,
    /// What every run has to print, and how closely.
    expected: Option<(Check, String)>,
}

impl Side {
    /// A program with its arguments, which may take so long.
    pub fn new(words: Vec<String>, limit: Duration, clock: RunClock) -> Side {
        Side { words, limit, clock, expected: None }
    }

    /// Runs once, and returns the output.
    pub fn try_once(&mut self) -> std::result::Result<String, String> {
        self.start().map(|run| run.output)
    }

    /// From now on a run that prints something else fails.
    pub fn hold_to(&mut self, check: Check, output: String) {
        self.expected = Some((check, output));
    }

    fn start(&self) -> std::result::Result<Run, String> {
        let run = process::run(&self.words, self.limit)?;
        if let Some((check, expected)) = &self.expected {
            check
                .compare(expected, &run.output)
                .map_err(|why| format!("between two runs {why}"))?;
        }
        Ok(run)
    }
}

/// A process has its operands and results to itself.
impl Runner for Side {
    fn load(&mut self, _: &Operands) -> Result<()> {
        Ok(())
    }

    fn poison(&mut self, _: Scope) -> Result<()> {
        Ok(())
    }

    fn run(&mut self, _: Scope) -> Result<()> {
        let run = self.start().map_err(Error::Device)?;
        self.clock.ran_s.set(self.clock.ran_s.get() + run.seconds);
        Ok(())
    }

    fn overwritten(&mut self) -> Result<Option<usize>> {
        Ok(None)
    }

    fn output(&mut self, _: Scope) -> Result<Values<'_>> {
        Err(Error::Unsupported("a process has its results to itself".to_string()))
    }

    fn details(&self) -> Details {
        Details::default()
    }
}
