//! Every call of an implementation goes through here: one that panics has failed, and nothing else is lost.

use super::{Details, Device, Part, Parts, Remote, Runner, Task, Training};
use crate::error::{Error, Result};
use crate::panics::caught;
use crate::tensor::{Operands, Values};
use crate::terms::Scope;

/// Prepares a task on a device. What panics, now or in any later call of the runner, is an error.
pub fn prepare<'d>(device: &'d dyn Device, task: &Task<'_>) -> Result<Box<dyn Runner + 'd>> {
    let runner = caught(|| device.prepare(task))?;
    Ok(Box::new(Guarded { runner, broken: None }))
}

/// A runner whose panics are caught.
struct Guarded<'d> {
    runner: Box<dyn Runner + 'd>,
    /// What it said when it panicked: nobody knows what state it is in, and it is called no more.
    broken: Option<String>,
}

impl<'d> Guarded<'d> {
    fn call<'s, T>(
        &'s mut self,
        work: impl FnOnce(&'s mut (dyn Runner + 'd)) -> Result<T>,
    ) -> Result<T> {
        let Guarded { runner, broken } = self;
        if let Some(why) = broken {
            return Err(Error::device(why.as_str()));
        }
        let runner = runner.as_mut();
        let mut has_returned = false;
        let result = caught(|| {
            let result = work(runner);
            has_returned = true;
            result
        });
        if let (false, Err(why)) = (has_returned, &result) {
            *broken = Some(why.to_string());
        }
        result
    }
}

impl Runner for Guarded<'_> {
    fn load(&mut self, operands: &Operands) -> Result<()> {
        self.call(|runner| runner.load(operands))
    }

    fn poison(&mut self, scope: Scope) -> Result<()> {
        self.call(|runner| runner.poison(scope))
    }

    fn run(&mut self, scope: Scope) -> Result<()> {
        self.call(|runner| runner.run(scope))
    }

    fn run_on_device_clock(&mut self) -> Result<Option<f64>> {
        self.call(|runner| runner.run_on_device_clock())
    }

    fn flush(&mut self) -> Result<()> {
        self.call(|runner| runner.flush())
    }

    fn overwritten(&mut self) -> Result<Option<usize>> {
        self.call(|runner| runner.overwritten())
    }

    fn output(&mut self, scope: Scope) -> Result<Values<'_>> {
        self.call(|runner| runner.output(scope))
    }

    fn details(&self) -> Details {
        self.runner.details()
    }

    fn moves_nothing(&self) -> bool {
        self.runner.moves_nothing()
    }

    fn serves(&self, scope: Scope) -> bool {
        self.runner.serves(scope)
    }

    fn training(&mut self) -> Option<&mut dyn Training> {
        self.runner.training()?;
        Some(self)
    }

    /// Another process: what panics there is no panic here.
    fn remote(&mut self) -> Option<&mut dyn Remote> {
        self.runner.remote()
    }

    fn parts(&mut self) -> Option<&mut dyn Parts> {
        self.runner.parts()?;
        Some(self)
    }
}

impl Training for Guarded<'_> {
    fn restore(&mut self) -> Result<()> {
        self.call(|runner| runner.training().map_or(Ok(()), |training| training.restore()))
    }

    fn feed(&mut self, batch: &[f32], labels: &[f32]) -> Result<()> {
        self.call(|runner| {
            runner.training().map_or(Ok(()), |training| training.feed(batch, labels))
        })
    }
}

impl Parts for Guarded<'_> {
    fn run_in_parts(&mut self, after: &mut dyn FnMut(&Part)) -> Result<()> {
        self.call(|runner| runner.parts().map_or(Ok(()), |parts| parts.run_in_parts(after)))
    }

    fn narrow(&mut self, parameters: Option<&str>) -> Result<()> {
        self.call(|runner| runner.parts().map_or(Ok(()), |parts| parts.narrow(parameters)))
    }
}
