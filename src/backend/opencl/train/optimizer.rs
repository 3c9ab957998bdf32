//! The update of all parameters in one launch, and the way back to the start.

use super::launches::{Prepared, Value};
use super::plan::Planner;
use crate::error::Result;
use crate::network::{Adam, Optimizer};

/// Place of Adam's first correction among the arguments; the second follows.
const CORRECTIONS: usize = 7;

impl Planner<'_> {
    pub fn update(&mut self) -> Result<Vec<Prepared>> {
        let memory = self.memory;
        let pieces = Value::Mem(&memory.pieces.mem);
        let [w, g] = [&memory.parameters, &memory.gradients].map(|a| Value::Mem(&a.whole.mem));
        let state = memory.state.iter().map(|arena| Value::Mem(&arena.whole.mem));
        let mut values = vec![pieces];
        let kernel = match self.graph.optimizer {
            Optimizer::Sgd(sgd) => {
                values.extend([sgd.lr, sgd.momentum].map(Value::from));
                "sgd"
            }
            Optimizer::Adam(adam) => {
                let Adam { lr, beta1, beta2, eps } = adam;
                let numbers = [lr, beta1, 1.0 - beta1, beta2, 1.0 - beta2, eps];
                values.extend(numbers.map(Value::from));
                values.extend(corrections(&adam, 1));
                "adam"
            }
        };
        values.extend([w, g].into_iter().chain(state));
        Ok(vec![self.over_pieces(kernel, &values)?])
    }

    pub fn restore(&mut self) -> Result<Vec<Prepared>> {
        let memory = self.memory;
        let pieces = Value::Mem(&memory.pieces.mem);
        let values = [pieces, (&memory.initial.mem).into(), (&memory.parameters.whole.mem).into()];
        let mut launches = vec![self.over_pieces("restore", &values)?];
        for arena in &memory.state {
            launches.push(self.over_pieces("clear", &[pieces, (&arena.whole.mem).into()])?);
        }
        Ok(launches)
    }
}

/// The arguments that change from step to step, with their places.
pub fn changing(optimizer: Optimizer, step: u64) -> Vec<(usize, Value<'static>)> {
    match optimizer {
        Optimizer::Sgd(_) => Vec::new(),
        Optimizer::Adam(adam) => (CORRECTIONS..).zip(corrections(&adam, step)).collect(),
    }
}

fn corrections(adam: &Adam, step: u64) -> [Value<'static>; 2] {
    adam.corrections(step).map(|divisor| Value::from(1.0 / divisor))
}
