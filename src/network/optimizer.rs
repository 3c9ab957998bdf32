//! The optimisers. Their state is zero before the first step; there is no weight decay.

/// Stochastic gradient descent: v = momentum v + g, w -= lr v.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sgd {
    /// Learning rate.
    pub lr: f64,
    /// Share of the velocity that is kept.
    pub momentum: f64,
}

/// Adam (Kingma and Ba, 2014), bias corrected: w -= lr m_hat / (sqrt(v_hat) + eps).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// Learning rate.
    pub lr: f64,
    /// Share of the first moment that is kept.
    pub beta1: f64,
    /// Share of the second moment that is kept.
    pub beta2: f64,
    /// What keeps the root from zero.
    pub eps: f64,
}

/// What moves the parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Optimizer {
    /// See [`Sgd`].
    Sgd(Sgd),
    /// See [`Adam`].
    Adam(Adam),
}

impl Optimizer {
    /// As mlp, cnn and lstm are trained.
    pub const SGD: Optimizer = Optimizer::Sgd(Sgd { lr: 0.01, momentum: 0.9 });

    /// As the transformer is trained.
    pub const ADAM: Optimizer =
        Optimizer::Adam(Adam { lr: 0.001, beta1: 0.9, beta2: 0.999, eps: 1e-8 });

    /// Its word in files.
    pub fn name(&self) -> &'static str {
        match self {
            Optimizer::Sgd(_) => "sgd",
            Optimizer::Adam(_) => "adam",
        }
    }

    /// Numbers of state for each parameter.
    pub fn states(&self) -> usize {
        match self {
            Optimizer::Sgd(_) => 1,
            Optimizer::Adam(_) => 2,
        }
    }

    /// Learning rate.
    pub fn lr(&self) -> f64 {
        match self {
            Optimizer::Sgd(sgd) => sgd.lr,
            Optimizer::Adam(adam) => adam.lr,
        }
    }

    /// Its step of this number; steps count from 1.
    pub fn step(&self, number: u64) -> OptimizerStep {
        let corrections = match self {
            Optimizer::Sgd(_) => [1.0; 2],
            Optimizer::Adam(adam) => adam.corrections(number),
        };
        OptimizerStep { optimizer: *self, corrections }
    }
}

/// One step of an optimiser.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OptimizerStep {
    optimizer: Optimizer,
    /// What the moments of Adam are divided by.
    corrections: [f64; 2],
}

impl OptimizerStep {
    /// Moves one parameter with gradient `g`, in f64; `state` are its numbers.
    pub fn update(&self, g: f64, w: &mut f64, state: &mut [f64]) {
        match self.optimizer {
            Optimizer::Sgd(sgd) => {
                state[0] = sgd.momentum * state[0] + g;
                *w -= sgd.lr * state[0];
            }
            Optimizer::Adam(adam) => {
                state[0] = adam.beta1 * state[0] + (1.0 - adam.beta1) * g;
                state[1] = adam.beta2 * state[1] + (1.0 - adam.beta2) * g * g;
                let [m, v] = self.corrections;
                *w -= adam.lr * (state[0] / m) / ((state[1] / v).sqrt() + adam.eps);
            }
        }
    }
}

impl Adam {
    /// What both moments are divided by at a step: 1 - beta^step.
    pub fn corrections(&self, step: u64) -> [f64; 2] {
        [self.beta1, self.beta2].map(|beta| 1.0 - beta.powf(step as f64))
    }
}
