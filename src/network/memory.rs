//! Bytes that a training step keeps, by the network alone. Scratch is the implementation's own.

use super::Graph;
use crate::units;

/// What a step in f32 keeps, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// The parameters.
    pub parameters: u64,
    /// Gradients of the parameters and of all that is stored.
    pub gradients: u64,
    /// What the optimiser keeps between steps.
    pub optimizer_state: u64,
    /// What the forward pass stores for the backward pass, the mini-batch included.
    pub activations: u64,
}

impl Memory {
    /// Of one network at one shape.
    pub fn of(graph: &Graph) -> Memory {
        let parameters = graph.parameter_count().saturating_mul(4);
        let activations = graph.stored_floats().saturating_mul(4);
        Memory {
            parameters,
            gradients: parameters.saturating_add(activations),
            optimizer_state: parameters.saturating_mul(graph.optimizer.states() as u64),
            activations,
        }
    }

    /// All of it.
    pub fn total(&self) -> u64 {
        let all = [self.parameters, self.gradients, self.optimizer_state, self.activations];
        all.into_iter().fold(0, u64::saturating_add)
    }

    /// The parts, in words.
    pub fn parts(&self) -> String {
        let bytes = |bytes: u64| units::bytes(bytes as f64);
        format!(
            "parameters {}, gradients {}, optimiser state {}, activations {}",
            bytes(self.parameters),
            bytes(self.gradients),
            bytes(self.optimizer_state),
            bytes(self.activations)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network;
    use crate::terms::Shape;

    #[test]
    fn a_small_mlp_by_hand() {
        let mlp = network::find("mlp").unwrap();
        // batch, inputs, width, depth, classes
        let memory = Memory::of(&(mlp.graph)(&Shape::of(mlp.axes, &[4, 8, 16, 1, 3])));
        let parameters = 8 * 16 + 16 + 16 * 3 + 3;
        let stored = 4 * (8 + 16 + 3);
        assert_eq!(memory.parameters, 4 * parameters);
        assert_eq!(memory.optimizer_state, 4 * parameters, "SGD has a velocity");
        assert_eq!(memory.activations, 4 * stored);
        assert_eq!(memory.total(), 4 * (3 * parameters + 2 * stored));
        assert!(memory.parts().starts_with("parameters 780 B, gradients 1.21 kB, "));
    }

    #[test]
    fn adam_keeps_two_moments() {
        let transformer = network::find("transformer").unwrap();
        let shape = Shape::of(transformer.axes, &[2, 5, 6, 2, 2, 3]);
        let memory = Memory::of(&(transformer.graph)(&shape));
        assert_eq!(memory.optimizer_state, 2 * memory.parameters);
    }
}
