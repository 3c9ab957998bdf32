//! Training steps on every OpenCL device that is here.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::sync::{Mutex, MutexGuard, PoisonError};

use crossover::backend::registry::discover;
use crossover::backend::{Device, Devices, Request, Runner, Stepwise, Task};
use crossover::network::{
    self, Graph, Layer, NETWORKS, Network, Optimizer, Tolerance, Trajectory, golden,
};
use crossover::tensor::{FENCE, Operands, Tensor, broken_fence};
use crossover::terms::{Axis, Dtype, Scope, Shape};
use crossover::workload::{Check, Entry, Host, Preset, Work, Workload, find};
use support::missing;

/// One test at a time: drivers were seen to crash where several threads compile at once.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

const IMPLEMENTATIONS: [&str; 4] = ["packed", "local", "register", "naive"];

/// The OpenCL devices here.
fn devices() -> Vec<Box<dyn Device>> {
    let Devices { all, .. } = discover(&Request::default(), &[0, 1]).unwrap();
    let devices: Vec<_> = all.into_iter().filter(|d| d.entry().id.backend() == "opencl").collect();
    if devices.is_empty() {
        missing("there is no OpenCL device");
    }
    devices
}

/// A runner with a seed's parameters and first mini-batch.
fn loaded<'a>(
    device: &'a dyn Device,
    implementation: &str,
    network: &Network,
    shape: &Shape,
    seed: u64,
) -> Box<dyn Runner + 'a> {
    let inner = find(&format!("train-{}", network.name)).unwrap();
    let workload = Variant { inner, network: *network };
    let task =
        Task { workload: &workload, shape, dtype: Dtype::F32, implementation, parameters: None };
    let mut runner = device.prepare(&task).unwrap();
    let graph = (network.graph)(shape);
    runner.load(&inputs(&graph, seed)).unwrap();
    runner
}

/// A training whose network is another one than the workload's own.
struct Variant {
    inner: &'static dyn Workload,
    network: Network,
}

impl Workload for Variant {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn axes(&self) -> &'static [Axis] {
        self.inner.axes()
    }

    fn work(&self, shape: &Shape) -> Work {
        self.inner.work(shape)
    }

    fn inputs(&self, shape: &Shape) -> Vec<usize> {
        self.inner.inputs(shape)
    }

    fn output(&self, shape: &Shape) -> usize {
        self.inner.output(shape)
    }

    fn check(&self) -> Check<'_> {
        Check::Network(&self.network)
    }

    fn preset(&self, preset: Preset, host: &Host) -> Vec<Entry> {
        self.inner.preset(preset, host)
    }

    fn awkward_shapes(&self) -> Vec<Shape> {
        self.inner.awkward_shapes()
    }

    fn label(&self, shape: &Shape) -> String {
        self.inner.label(shape)
    }
}

fn inputs(graph: &Graph, seed: u64) -> Operands {
    let data = [network::batch(graph, seed, 0), network::labels(graph, seed, 0)];
    let tensors = network::initial(graph, seed).into_iter().chain(data).map(Tensor::from);
    tensors.collect::<Vec<_>>().into()
}

/// A golden training by a runner.
fn trained(runner: Box<dyn Runner + '_>, expected: &Trajectory) -> Trajectory {
    let (network, shape) = expected.setting().unwrap();
    let mut training = Stepwise::new(runner, &(network.graph)(&shape), expected.seed);
    let steps = expected.losses.len() as u64;
    Trajectory::of(&network, &shape, expected.seed, steps, &mut training).unwrap()
}

#[test]
fn golden_trajectories_within_what_binary32_costs() {
    let _alone = alone();
    for device in devices() {
        for expected in golden() {
            let (network, shape) = expected.setting().unwrap();
            for implementation in IMPLEMENTATIONS {
                let device = device.as_ref();
                let prepared = || loaded(device, implementation, &network, &shape, expected.seed);
                let found = trained(prepared(), &expected);
                let (worst, what) = found.distance(&expected, Tolerance::F32);
                assert!(worst <= 1.0, "{implementation} {}: {what}: {worst}", network.name);
                // And once more, to the bit.
                assert_eq!(
                    trained(prepared(), &expected),
                    found,
                    "{implementation} {}",
                    network.name
                );
            }
        }
    }
}

/// A small shape of each network.
fn small() -> impl Iterator<Item = (Network, Shape)> {
    let shapes: [&[u64]; 4] =
        [&[7, 33, 65, 2, 5], &[3, 9, 5, 7], &[5, 3, 33, 4], &[2, 9, 48, 3, 1, 6]];
    NETWORKS.into_iter().zip(shapes).map(|(n, values)| (n, Shape::of(n.axes, values)))
}

#[test]
fn parts_are_a_step_and_a_step_is_the_same_every_time() {
    let _alone = alone();
    for device in devices() {
        for (network, shape) in small() {
            let mut runner = loaded(device.as_ref(), "packed", &network, &shape, 3);
            runner.run(Scope::Compute).unwrap();
            let first = runner.output(Scope::Compute).unwrap().f32s().to_vec();
            assert_eq!(broken_fence(&first), None);
            assert!(first.iter().all(|v| v.is_finite()));
            assert_eq!(runner.overwritten().unwrap(), None, "the operands are kept");
            runner.training().unwrap().restore().unwrap();
            let mut names = Vec::new();
            let parts = runner.parts().unwrap();
            parts.run_in_parts(&mut |part| names.push(part.clone())).unwrap();
            let graph = (network.graph)(&shape);
            assert_eq!(names.len(), 2 * graph.layers.len() + 2);
            assert!(names.iter().all(|part| part.device_s.is_none_or(|s| s >= 0.0)));
            assert!(runner.output(Scope::Compute).unwrap().f32s() == first, "{}", network.name);
            // Without going back, the next step is another one.
            runner.run(Scope::EndToEnd).unwrap();
            assert!(runner.output(Scope::EndToEnd).unwrap().f32s() != first);
            let notes = runner.details().notes;
            let launches = notes.iter().find_map(|note| note.strip_prefix("launches=")).unwrap();
            assert!(launches.parse::<u64>().unwrap() > 5);
        }
    }
}

#[test]
fn what_is_not_uploaded_or_not_computed_shows() {
    let _alone = alone();
    for device in devices() {
        for (network, shape) in small() {
            let mut runner = loaded(device.as_ref(), "packed", &network, &shape, 3);
            runner.poison(Scope::Compute).unwrap();
            let output = runner.output(Scope::Compute).unwrap();
            let gradients = (network.graph)(&shape).parameter_count() as usize;
            assert!(output.f32s()[FENCE..FENCE + 1 + gradients].iter().all(|v| v.is_nan()));
            // A run that uploads nothing, after the device's copies were spoilt.
            runner.poison(Scope::EndToEnd).unwrap();
            runner.run(Scope::Compute).unwrap();
            assert!(
                runner.output(Scope::Compute).unwrap().f32s()[FENCE].is_nan(),
                "{}",
                network.name
            );
            runner.poison(Scope::EndToEnd).unwrap();
            runner.run(Scope::EndToEnd).unwrap();
            assert!(runner.output(Scope::EndToEnd).unwrap().f32s().iter().all(|v| v.is_finite()));
        }
    }
}

/// The transformer with another constant.
fn transformer(shape: &Shape, plant: impl Fn(&mut Graph)) -> Graph {
    let network = network::find("transformer").unwrap();
    let mut graph = (network.graph)(shape);
    plant(&mut graph);
    graph
}

fn with_norm_eps(shape: &Shape) -> Graph {
    transformer(shape, |graph| {
        for layer in &mut graph.layers {
            if let Layer::LayerNorm(norm) = layer {
                norm.eps = 1e-6;
            }
        }
    })
}

fn with_adam(shape: &Shape, plant: fn(&mut network::Adam)) -> Graph {
    transformer(shape, |graph| {
        if let Optimizer::Adam(adam) = &mut graph.optimizer {
            plant(adam);
        }
    })
}

fn with_adam_eps(shape: &Shape) -> Graph {
    with_adam(shape, |adam| adam.eps = 1e-7)
}

fn with_beta2(shape: &Shape) -> Graph {
    with_adam(shape, |adam| adam.beta2 = 0.99)
}

/// Wrong constants, the weakest mistakes there are, show within the tolerances of binary32.
#[test]
fn wrong_constants_are_found_out() {
    let _alone = alone();
    for device in devices() {
        for (what, graph) in [
            ("eps of layer norm", with_norm_eps as fn(&Shape) -> Graph),
            ("eps of Adam", with_adam_eps),
            ("beta2 of Adam", with_beta2),
        ] {
            let cases: Vec<_> =
                golden().into_iter().filter(|case| case.network == "transformer").collect();
            let is_rejected = |expected: &Trajectory| {
                let (network, shape) = expected.setting().unwrap();
                let faulty = Network { graph, ..network };
                let runner = loaded(device.as_ref(), "packed", &faulty, &shape, expected.seed);
                let found = trained(runner, expected);
                found.distance(expected, Tolerance::F32).0 > 1.0
            };
            assert!(cases.iter().any(is_rejected), "{what}");
        }
    }
}
