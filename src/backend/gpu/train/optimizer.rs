//! The update of all parameters in one launch, and the way back to the start.

use super::planner::Planner;
use super::slots::{Call, Slot, Value};
use crate::network::{Adam, Optimizer};

/// Place of Adam's first correction among the arguments; the second follows.
const CORRECTIONS: usize = 7;

impl Planner<'_> {
    pub fn update(&mut self) -> Vec<Call> {
        let mut values: Vec<Value> = vec![Slot::Pieces.into()];
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
        values.extend([Slot::Parameters, Slot::ParameterGradients].map(Value::from));
        values.extend(self.state().map(Value::from));
        vec![self.over_pieces(kernel, &values)]
    }

    pub fn restore(&mut self) -> Vec<Call> {
        let copy = [Slot::Pieces, Slot::Initial, Slot::Parameters].map(Value::from);
        let mut launches = vec![self.over_pieces("restore", &copy)];
        for state in self.state() {
            launches.push(self.over_pieces("clear", &[Slot::Pieces, state].map(Value::from)));
        }
        launches
    }

    /// What the optimiser keeps.
    fn state(&self) -> impl Iterator<Item = Slot> + use<> {
        (0..self.graph.optimizer.states()).map(Slot::State)
    }
}

/// The arguments that change from step to step, with their places.
pub fn changing(optimizer: Optimizer, step: u64) -> Vec<(usize, Value)> {
    match optimizer {
        Optimizer::Sgd(_) => Vec::new(),
        Optimizer::Adam(adam) => (CORRECTIONS..).zip(corrections(&adam, step)).collect(),
    }
}

fn corrections(adam: &Adam, step: u64) -> [Value; 2] {
    adam.corrections(step).map(|divisor| Value::from(1.0 / divisor))
}
