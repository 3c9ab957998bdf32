//! What workloads and implementations are for, where their names would have to tell.

use super::Scope;

/// What a workload tells about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// A model, or a part of one: products, convolutions, training steps.
    Model,
    /// The memory of a device: it moves data and computes next to nothing.
    Memory,
    /// The way between host and device.
    Link,
    /// What a launch costs.
    Launch,
    /// The most multiply-adds that a device does.
    Peak,
}

impl Role {
    /// Whether it tells about the machine (its memory, its links, its peak) and not about a model:
    /// such workloads have charts of their own and no speed-ups.
    pub fn is_about_machine(self) -> bool {
        self != Role::Model
    }

    /// The scopes in which it can be measured.
    pub fn scopes(self) -> &'static [Scope] {
        match self {
            Role::Model => &[Scope::Compute, Scope::EndToEnd],
            Role::Memory | Role::Launch | Role::Peak => &[Scope::Compute],
            Role::Link => &[Scope::EndToEnd],
        }
    }

    /// Whether each implementation answers a question of its own, so that the fastest stands for none
    /// but itself.
    pub fn asks_each_implementation(self) -> bool {
        matches!(self, Role::Link | Role::Launch | Role::Peak)
    }
}

/// What an implementation computes with, as its name tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Engine {
    /// The usual multiply-adds, scalar or in vectors.
    Vector,
    /// Matrix engines, which the peak of multiply-adds says nothing about.
    Matrix,
}

impl Engine {
    /// The engine of an implementation of a backend of ours: those that use matrix engines are called
    /// `matrix` or `matrix-...`.
    pub fn of(implementation: &str) -> Engine {
        match implementation.split('-').next() {
            Some("matrix") => Engine::Matrix,
            _ => Engine::Vector,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_have_whole_words() {
        assert_eq!(Engine::of("matrix"), Engine::Matrix);
        assert_eq!(Engine::of("matrix-fp32"), Engine::Matrix);
        assert_eq!(Engine::of("matrixmultiply"), Engine::Vector);
        assert_eq!(Engine::of("local"), Engine::Vector);
    }
}
