//! Where the kernels of a training step read and write, and what is launched.

use super::super::recipe::Step;
use crate::error::Result;

/// A tensor of a step, wherever a device has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Slot {
    /// A value of the graph; the first is the mini-batch.
    Value(usize),
    /// The gradient of a value that has one of its own.
    Gradient(usize),
    /// A parameter.
    Parameter(usize),
    /// The gradient of a parameter.
    ParameterGradient(usize),
    /// All parameters, with the fences between them.
    Parameters,
    /// All their gradients, likewise.
    ParameterGradients,
    /// As many numbers that the optimiser keeps, likewise.
    State(usize),
    /// The parameters before the first step, likewise.
    Initial,
    /// First element and length of every part of the parameters that a work-group takes, as ints.
    Pieces,
    /// The labels, whole numbers.
    Labels,
    /// The loss of each sample.
    Losses,
    /// Their mean.
    Loss,
    /// What a layer keeps beside its values: layer and number.
    Saved(usize, usize),
    /// What the kernels of convolutions share.
    Scratch(usize),
    /// Ints that kernels look up.
    Table(usize),
}

/// One kernel argument.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A size or a flag.
    Int(i32),
    /// A number.
    Float(f32),
    /// Memory.
    Slot(Slot),
}

impl From<usize> for Value {
    fn from(size: usize) -> Self {
        Value::Int(size as i32)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Value::Int(i32::from(flag))
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Value::Float(number as f32)
    }
}

impl From<Slot> for Value {
    fn from(tensor: Slot) -> Self {
        Value::Slot(tensor)
    }
}

/// One launch of a step.
pub struct Call {
    /// The kernel with its arguments.
    pub step: Step<Value>,
    /// What the parameters that it goes by were chosen for; empty where they are the same for all.
    pub goes_by: String,
}

/// What is launched for every operation of a step, in order.
pub struct Schedule<C> {
    /// By layer.
    pub forward: Vec<Vec<C>>,
    /// By layer.
    pub backward: Vec<Vec<C>>,
    /// Loss and its gradient.
    pub loss: Vec<C>,
    /// The optimiser.
    pub update: Vec<C>,
    /// Back to the first parameters, and state to zero.
    pub restore: Vec<C>,
}

impl<C> Schedule<C> {
    /// Kernels that a step launches.
    pub fn launches(&self) -> usize {
        let layers = self.forward.iter().chain(&self.backward).map(Vec::len);
        layers.sum::<usize>() + self.loss.len() + self.update.len()
    }

    /// The same of what `make` makes of each launch.
    pub fn try_map<D>(self, mut make: impl FnMut(C) -> Result<D>) -> Result<Schedule<D>> {
        let mut all = |calls: Vec<C>| calls.into_iter().map(&mut make).collect::<Result<_>>();
        Ok(Schedule {
            forward: self.forward.into_iter().map(&mut all).collect::<Result<_>>()?,
            backward: self.backward.into_iter().map(&mut all).collect::<Result<_>>()?,
            loss: all(self.loss)?,
            update: all(self.update)?,
            restore: all(self.restore)?,
        })
    }
}
