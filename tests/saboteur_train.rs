//! Proof that the verification of training steps can fail: a made-up device with planted faults, each of
//! which must be rejected with a fitting sentence and get no time. An honest one is timed, by a made-up
//! clock that proves that what is restored between runs is not.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use crossover::backend::{Details, Device, Runner, Training};
use crossover::error::Result;
use crossover::network::reference::{self, Reference};
use crossover::network::{Graph, Optimizer, Trainer};
use crossover::plan::{Effort, Selection};
use crossover::record::Outcome;
use crossover::tensor::{Element, FENCE, Operands, Values, fenced};
use crossover::terms::{DeviceKind, Scope};
use support::device::{MadeUp, MadeUpClock};

/// Seconds of a run, and of bringing back what it changed.
const RUN_S: f64 = 1e-3;
const RESTORE_S: f64 = 10.0;

/// A training of each network at which everything is checked.
const SHAPES: [(&str, &str); 4] = [
    ("train-mlp", "batch=6,inputs=9,width=17,depth=2,classes=5"),
    ("train-cnn", "batch=3,image=9,channels=4,classes=5"),
    ("train-lstm", "batch=5,seq=4,hidden=9,classes=4"),
    ("train-transformer", "batch=3,seq=5,d_model=8,heads=2,layers=1,classes=4"),
];

/// What the saboteur does wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    /// A mistake in the network itself.
    Network(reference::Fault),
    LossOfNextStep,
    DoubledGradient,
    HalvedStepOfOneTensor,
    StaleGradient,
    NanGradient,
    SwappedGradients,
    NotUpdated,
    OtherGradients,
    LearningRate,
    NoMomentum,
    AdamEps,
    AdamBeta2,
    NoCorrection,
    NoUpload,
    ParametersNotRestored,
    StateNotRestored,
    Tf32,
    NanParameter,
    PastEnd,
    Overwritten,
    Short,
}

use Fault as F;

const EVERY: &[&str] = &["train-mlp", "train-cnn", "train-lstm", "train-transformer"];
const SGD: &[&str] = &["train-mlp", "train-cnn", "train-lstm"];
const ADAM: &[&str] = &["train-transformer"];

/// Names of implementations, what each does wrong, where it can be done, and what must be said of it.
const FAULTS: &[(&str, Fault, &[&str], &str)] = &[
    ("honest", F::None, EVERY, ""),
    ("tanh-gelu", F::Network(reference::Fault::TanhGelu), ADAM, "is off by"),
    (
        "unbiased-variance",
        F::Network(reference::Fault::UnbiasedVariance),
        &["train-cnn", "train-transformer"],
        "is off by",
    ),
    ("shifted-labels", F::Network(reference::Fault::ShiftedLabels), EVERY, "the loss is off by"),
    ("doubled-gradients", F::Network(reference::Fault::DoubledGradients), EVERY, "the gradient of"),
    ("swapped-columns", F::Network(reference::Fault::SwappedColumns), ADAM, "is off by"),
    ("loss-of-the-next-step", F::LossOfNextStep, EVERY, "the loss is off by"),
    ("one-gradient-doubled", F::DoubledGradient, EVERY, "the gradient of"),
    ("one-tensor-moved-by-half", F::HalvedStepOfOneTensor, EVERY, "after the step, not"),
    ("stale-gradient", F::StaleGradient, EVERY, "the gradient of"),
    ("nan-in-a-gradient", F::NanGradient, EVERY, "the gradient of"),
    ("gradients-in-each-others-place", F::SwappedGradients, EVERY, "the gradient of"),
    ("parameters-not-updated", F::NotUpdated, EVERY, "after the step, not"),
    ("updated-from-other-gradients", F::OtherGradients, EVERY, "after the step, not"),
    ("learning-rate", F::LearningRate, EVERY, "after the step, not"),
    ("momentum-forgotten", F::NoMomentum, SGD, "after a second step, not"),
    ("adam-eps", F::AdamEps, ADAM, "after the step, not"),
    ("adam-beta2", F::AdamBeta2, ADAM, "after a second step, not"),
    ("adam-without-correction", F::NoCorrection, ADAM, "after the step, not"),
    ("batch-not-uploaded", F::NoUpload, EVERY, "the loss is off by"),
    ("parameters-not-restored", F::ParametersNotRestored, EVERY, "is off by"),
    ("state-not-restored", F::StateNotRestored, EVERY, "after the step, not"),
    ("tf32", F::Tf32, EVERY, "is off by"),
    ("nan-in-a-parameter", F::NanParameter, EVERY, "is NaN at element"),
    ("written-past-the-end", F::PastEnd, EVERY, "wrote outside the result"),
    ("parameters-overwritten", F::Overwritten, EVERY, "overwrote operand 0"),
    ("result-of-another-size", F::Short, EVERY, "elements, not"),
];

/// A device whose implementations are the faults. Only runs and restores let time pass.
fn saboteur(clock: &MadeUpClock) -> Box<dyn Device> {
    let names = |workload: &str| {
        let here = FAULTS.iter().filter(|(_, _, networks, _)| networks.contains(&workload));
        here.map(|(name, ..)| *name).collect()
    };
    let clock = clock.clone();
    MadeUp::device("saboteur", DeviceKind::Accelerator, names, move |task| {
        let fault = FAULTS.iter().find(|(name, ..)| *name == task.implementation).unwrap().1;
        let mut graph = (task.workload.network().unwrap().graph)(task.shape);
        if let Optimizer::Adam(adam) = &mut graph.optimizer {
            match fault {
                F::AdamEps => adam.eps = 1e-3,
                F::AdamBeta2 => adam.beta2 = 0.99,
                _ => {}
            }
        }
        Box::new(Sabotaged::new(fault, clock.clone(), graph))
    })
}

/// Trains in f64 and keeps f32, as a device would.
struct Sabotaged {
    fault: Fault,
    clock: MadeUpClock,
    graph: Graph,
    /// Parameters, mini-batch, labels, as they were loaded.
    loaded: Operands,
    /// The same, as the made-up device keeps them.
    host: Vec<Vec<f32>>,
    /// The mini-batch and its labels, as the made-up device holds them.
    resident: [Vec<f32>; 2],
    parameters: Vec<Vec<f32>>,
    state: Vec<Vec<f64>>,
    step: u64,
    output: Vec<f32>,
}

/// Rounds to the 10 bits of TF32's mantissa, to nearest.
fn tf32(values: &[f32]) -> Vec<f32> {
    let round = |v: &f32| f32::from_bits((v.to_bits() + (1 << 12)) & !((1 << 13) - 1));
    values.iter().map(round).collect()
}

impl Sabotaged {
    fn new(fault: Fault, clock: MadeUpClock, graph: Graph) -> Sabotaged {
        Sabotaged {
            fault,
            clock,
            graph,
            loaded: Operands::from(Vec::new()),
            host: Vec::new(),
            resident: [Vec::new(), Vec::new()],
            parameters: Vec::new(),
            state: Vec::new(),
            step: 0,
            output: Vec::new(),
        }
    }

    /// Loss and gradients at some parameters.
    fn differentiated(&self, parameters: &[Vec<f32>]) -> (f32, Vec<Vec<f32>>) {
        let mut batch = self.resident[0].clone();
        let mut parameters = parameters.to_vec();
        if self.fault == F::Tf32 {
            batch = tf32(&batch);
            parameters.iter_mut().for_each(|p| *p = tf32(p));
        }
        let mut reference = Reference::new(self.graph.clone(), &parameters);
        if let F::Network(fault) = self.fault {
            reference.fault = Some(fault);
        }
        reference.feed(&batch, &self.resident[1]).unwrap();
        reference.step().unwrap();
        let narrow = |g: &Vec<f64>| g.iter().map(|g| *g as f32).collect();
        (reference.loss as f32, reference.gradients.iter().map(narrow).collect())
    }

    fn update(&mut self, gradients: &[Vec<f32>]) {
        let optimizer = self.graph.optimizer;
        let states = optimizer.states();
        let last = self.parameters.len() - 1;
        for (p, parameter) in self.parameters.iter_mut().enumerate() {
            for (i, w) in parameter.iter_mut().enumerate() {
                let state = &mut self.state[p][i * states..(i + 1) * states];
                if self.fault == F::NoMomentum {
                    state.fill(0.0);
                }
                // A correction for infinitely many steps is none.
                let step = if self.fault == F::NoCorrection { u64::MAX } else { self.step };
                let (before, mut after) = (*w, f64::from(*w));
                optimizer.step(step).update(f64::from(gradients[p][i]), &mut after, state);
                let share = match self.fault {
                    F::LearningRate => 1.1,
                    F::HalvedStepOfOneTensor if p == last => 0.5,
                    F::NotUpdated => 0.0,
                    _ => 1.0,
                };
                *w = (f64::from(before) + share * (after - f64::from(before))) as f32;
            }
        }
    }

    fn write(&mut self, loss: f32, gradients: &[Vec<f32>]) {
        let values = gradients.iter().chain(&self.parameters).flatten();
        let values: Vec<f32> = [loss].into_iter().chain(values.copied()).collect();
        let count = self.host[..self.parameters.len()].iter().map(Vec::len).sum::<usize>();
        let last = self.parameters[self.parameters.len() - 1].len();
        let stale = 1 + count - last..1 + count;
        for (i, value) in values.into_iter().enumerate() {
            if self.fault != F::StaleGradient || !stale.contains(&i) {
                self.output[FENCE + i] = value;
            }
        }
        match self.fault {
            F::DoubledGradient => {
                self.output[FENCE + stale.start..FENCE + stale.end]
                    .iter_mut()
                    .for_each(|g| *g *= 2.0);
            }
            F::NanGradient => self.output[FENCE + count] = f32::NAN,
            F::NanParameter => self.output[FENCE + 2 * count] = f32::POISON,
            F::PastEnd => self.output[FENCE + 1 + 2 * count] = 0.0,
            F::Overwritten => self.host[0][0] += 1.0,
            F::Short => self.output.truncate(2 * FENCE + 2 * count),
            _ => {}
        }
    }
}

impl Runner for Sabotaged {
    fn load(&mut self, operands: &Operands) -> Result<()> {
        self.loaded = operands.clone();
        let inputs: Vec<Vec<f32>> = operands.iter().map(|i| i.f32s().to_vec()).collect();
        self.host.clone_from(&inputs);
        let [.., batch, labels] = &inputs[..] else { panic!("a batch and its labels") };
        self.resident = [batch.clone(), labels.clone()];
        self.parameters = inputs[..inputs.len() - 2].to_vec();
        let states = self.graph.optimizer.states();
        self.state = self.parameters.iter().map(|p| vec![0.0; states * p.len()]).collect();
        self.step = 0;
        let count = self.parameters.iter().map(Vec::len).sum::<usize>();
        self.output = fenced(1 + 2 * count);
        Ok(())
    }

    fn poison(&mut self, scope: Scope) -> Result<()> {
        if scope == Scope::EndToEnd {
            // Labels stay legal, or the reference could not compute.
            self.resident[0].fill(0.25);
            self.resident[1].fill(0.0);
        }
        let count = self.parameters.iter().map(Vec::len).sum::<usize>();
        self.output = fenced(1 + 2 * count);
        Ok(())
    }

    fn run(&mut self, scope: Scope) -> Result<()> {
        self.clock.pass(RUN_S);
        if self.output.is_empty() {
            return Ok(());
        }
        if scope == Scope::EndToEnd && self.fault != F::NoUpload {
            let [.., batch, labels] = &self.host[..] else { panic!("a batch and its labels") };
            self.resident = [batch.clone(), labels.clone()];
        }
        self.step += 1;
        let (mut loss, mut gradients) = self.differentiated(&self.parameters);
        let applied = match self.fault {
            F::OtherGradients => {
                gradients.iter().map(|g| g.iter().map(|g| g * 0.9).collect()).collect()
            }
            _ => gradients.clone(),
        };
        if self.fault == F::OtherGradients && matches!(self.graph.optimizer, Optimizer::Adam(_)) {
            // Adam hardly minds the size of a gradient, but its sign.
            let negated: Vec<Vec<f32>> =
                gradients.iter().map(|g| g.iter().map(|g| -g).collect()).collect();
            self.update(&negated);
        } else {
            self.update(&applied);
        }
        if self.fault == F::LossOfNextStep {
            loss = self.differentiated(&self.parameters).0;
        }
        if self.fault == F::SwappedGradients {
            // Of equal length, so that only the numbers are wrong.
            let last = gradients.len() - 1;
            gradients[last].reverse();
        }
        self.write(loss, &gradients);
        Ok(())
    }

    fn overwritten(&mut self) -> Result<Option<usize>> {
        let mut pairs = self.host.iter().zip(self.loaded.iter());
        Ok(pairs.position(|(found, loaded)| found != loaded.f32s()))
    }

    fn output(&mut self, _: Scope) -> Result<Values<'_>> {
        Ok(f32::view(&self.output))
    }

    fn details(&self) -> Details {
        Details::default()
    }

    fn training(&mut self) -> Option<&mut dyn Training> {
        Some(self)
    }
}

impl Training for Sabotaged {
    fn restore(&mut self) -> Result<()> {
        self.clock.pass(RESTORE_S);
        if self.fault != F::ParametersNotRestored {
            let count = self.parameters.len();
            self.parameters.clone_from_slice(&self.host[..count]);
        }
        if self.fault != F::StateNotRestored {
            self.state.iter_mut().for_each(|s| s.fill(0.0));
        }
        self.step = 0;
        Ok(())
    }

    fn feed(&mut self, batch: &[f32], labels: &[f32]) -> Result<()> {
        self.resident = [batch.to_vec(), labels.to_vec()];
        Ok(())
    }
}

/// Runs every fault of a network through a whole session.
fn every_fault_is_rejected(workload: &str, shape: &str) {
    let clock = MadeUpClock::default();
    let devices = [saboteur(&clock)];
    let selection = Selection {
        workloads: vec![workload.to_string()],
        shapes: vec![shape.to_string()],
        ..Selection::default()
    };
    let effort = Effort { warm_up_s: 0.01, sample_s: 0.01 };
    let rows = support::rows(&devices, &selection, &clock, effort);
    let here: Vec<_> = FAULTS.iter().filter(|(_, _, w, _)| w.contains(&workload)).collect();
    assert_eq!(rows.len(), 2 * here.len());
    for row in rows {
        let (name, _, _, sentence) =
            here.iter().find(|(name, ..)| *name == row.implementation).unwrap();
        if *name == "honest" {
            assert_eq!(row.outcome, Outcome::Measured, "{workload}: {}", row.reason);
            // Not a moment of what is restored between runs.
            let median = row.wall_median_s.unwrap();
            assert!((median - RUN_S).abs() < 1e-9, "{workload}: {median}");
            continue;
        }
        assert_eq!(row.outcome, Outcome::Failed, "{name} passed in {workload}");
        assert_eq!(row.wall_median_s, None, "{name} got a time in {workload}");
        assert!(row.max_error_ratio.is_none_or(|ratio| ratio.is_finite()));
        assert!(row.reason.contains(sentence), "{workload}, {name}: {}", row.reason);
        assert!(!row.reason.contains('\n'), "{}", row.reason);
    }
}

#[test]
fn every_fault_in_an_mlp_is_rejected() {
    every_fault_is_rejected(SHAPES[0].0, SHAPES[0].1);
}

#[test]
fn every_fault_in_a_cnn_is_rejected() {
    every_fault_is_rejected(SHAPES[1].0, SHAPES[1].1);
}

#[test]
fn every_fault_in_an_lstm_is_rejected() {
    every_fault_is_rejected(SHAPES[2].0, SHAPES[2].1);
}

#[test]
fn every_fault_in_a_transformer_is_rejected() {
    every_fault_is_rejected(SHAPES[3].0, SHAPES[3].1);
}
