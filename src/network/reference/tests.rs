use super::*;
use crate::network::{
    Adam, NETWORKS, Network, Optimizer, Tolerance, Trajectory, batch, golden, labels,
};
use crate::terms::Shape;

/// What a wrong trajectory must differ by.
const SHOWS: f64 = 1e-9;

/// A golden training by the reference, after `plant` has changed it.
fn trained(expected: &Trajectory, plant: impl Fn(&mut Reference)) -> Trajectory {
    let (network, shape) = expected.setting().unwrap();
    let mut reference = Reference::seeded((network.graph)(&shape), expected.seed);
    plant(&mut reference);
    let steps = expected.losses.len() as u64;
    Trajectory::of(&network, &shape, expected.seed, steps, &mut reference).unwrap()
}

#[test]
fn every_golden_number_is_reproduced() {
    let all = golden();
    assert_eq!(all.len(), 8);
    for expected in &all {
        let found = trained(expected, |_| {});
        let (worst, what) = found.distance(expected, Tolerance::exact(1e-10));
        assert!(worst <= 1.0, "{}: {what}: {worst}", expected.network);
        assert_eq!(found.optimizer, expected.optimizer);
    }
}

/// Of the small trainings of some networks, how many show a planted mistake.
fn shown(networks: &[&str], plant: impl Fn(&mut Reference)) -> (usize, usize) {
    let all = golden();
    let chosen: Vec<_> =
        all.iter().filter(|case| networks.contains(&case.network.as_str())).collect();
    let is_rejected = |case: &&&Trajectory| {
        let distance = trained(case, &plant).distance(case, Tolerance::exact(SHOWS)).0;
        distance.is_nan() || distance > 1.0
    };
    (chosen.iter().filter(is_rejected).count(), chosen.len())
}

#[test]
fn planted_mistakes_are_found_out() {
    let every = ["mlp", "cnn", "lstm", "transformer"];
    for (networks, fault) in [
        (&["transformer"][..], Fault::TanhGelu),
        (&["transformer", "cnn"][..], Fault::UnbiasedVariance),
        (&every[..], Fault::DoubledGradients),
        (&every[..], Fault::ShiftedLabels),
        (&["transformer"][..], Fault::SwappedColumns),
    ] {
        let (rejected, all) = shown(networks, |reference| reference.fault = Some(fault));
        assert_eq!(rejected, all, "{fault:?}");
    }
    let eps = |reference: &mut Reference| {
        for layer in &mut reference.graph.layers {
            match layer {
                Layer::BatchNorm(norm) => norm.eps = 1e-6,
                Layer::LayerNorm(norm) => norm.eps = 1e-6,
                _ => {}
            }
        }
    };
    assert_eq!(shown(&["transformer", "cnn"], eps), (4, 4));
    let adam = |change: fn(&mut Adam)| {
        move |reference: &mut Reference| {
            if let Optimizer::Adam(adam) = &mut reference.graph.optimizer {
                change(adam);
            }
        }
    };
    assert_eq!(shown(&["transformer"], adam(|adam| adam.eps = 1e-7)), (2, 2));
    assert_eq!(shown(&["transformer"], adam(|adam| adam.beta2 = 0.99)), (2, 2));
}

/// A single number that is none is not made good by those that follow.
#[test]
fn a_nan_is_too_far_from_everything() {
    let golden = &golden()[0];
    let mut broken = golden.clone();
    broken.losses[1] = f64::NAN;
    assert!(broken.distance(golden, Tolerance::F32).0.is_nan());
}

/// How far the furthest golden training of some networks is away with a mistake planted, its numbers
/// rounded to f32, as a share of what is accepted of f32. More than 1 shows.
fn f32_distance(networks: &[&str], plant: &dyn Fn(&mut Reference)) -> f64 {
    let narrow = |v: &mut f64| *v = f64::from(*v as f32);
    let distance = |case: &Trajectory| {
        let mut found = trained(case, plant);
        found.losses.iter_mut().for_each(narrow);
        found.gradient_l2_step0.values_mut().for_each(narrow);
        found.parameters_after.values_mut().for_each(|p| narrow(&mut p.l2));
        found.distance(case, Tolerance::F32).0
    };
    let all = golden();
    let chosen = all.iter().filter(|case| networks.contains(&case.network.as_str()));
    chosen.map(distance).fold(0.0, f64::max)
}

/// What golden trajectories show of mistakes in f32, within the tolerances that honest rounding needs.
#[test]
fn golden_trajectories_show_these_mistakes_in_f32() {
    let adam = |change: fn(&mut Adam)| {
        move |reference: &mut Reference| {
            if let Optimizer::Adam(adam) = &mut reference.graph.optimizer {
                change(adam);
            }
        }
    };
    let fault = |fault: Fault| move |reference: &mut Reference| reference.fault = Some(fault);
    let layer_eps = |reference: &mut Reference| {
        for layer in &mut reference.graph.layers {
            if let Layer::LayerNorm(norm) = layer {
                norm.eps = 1e-6;
            }
        }
    };
    let batch_eps = |reference: &mut Reference| {
        for layer in &mut reference.graph.layers {
            if let Layer::BatchNorm(norm) = layer {
                norm.eps = 1e-6;
            }
        }
    };
    let every = &["mlp", "cnn", "lstm", "transformer"][..];
    type Plant = Box<dyn Fn(&mut Reference)>;
    let table: [(&str, &[&str], Plant); 12] = [
        ("tanh GELU", &["transformer"], Box::new(fault(Fault::TanhGelu))),
        ("layer norm, eps 1e-6", &["transformer"], Box::new(layer_eps)),
        ("batch norm, eps 1e-6", &["cnn"], Box::new(batch_eps)),
        ("unbiased variance", &["cnn"], Box::new(fault(Fault::UnbiasedVariance))),
        ("unbiased variance", &["transformer"], Box::new(fault(Fault::UnbiasedVariance))),
        ("Adam, eps 1e-7", &["transformer"], Box::new(adam(|adam| adam.eps = 1e-7))),
        ("Adam, beta2 0.99", &["transformer"], Box::new(adam(|adam| adam.beta2 = 0.99))),
        ("doubled gradients", &["transformer"], Box::new(fault(Fault::DoubledGradients))),
        ("doubled gradients", &["mlp", "cnn", "lstm"], Box::new(fault(Fault::DoubledGradients))),
        ("labels shifted by one", every, Box::new(fault(Fault::ShiftedLabels))),
        ("swapped columns of a head", &["transformer"], Box::new(fault(Fault::SwappedColumns))),
        ("no mistake", every, Box::new(|_: &mut Reference| ())),
    ];
    for (name, networks, plant) in &table {
        let distance = f32_distance(networks, plant);
        println!("{name:<26} {networks:?}: {distance:.2}");
        assert_eq!(distance > 1.0, *name != "no mistake", "{name} {networks:?}: {distance}");
    }
}

/// The loss after one step's forward pass with parameter (p, i) moved by `by`.
fn loss_with(network: &Network, shape: &Shape, (p, i): (usize, usize), by: f64) -> f64 {
    let graph = (network.graph)(shape);
    let mut reference = Reference::seeded(graph.clone(), 3);
    reference.parameters[p][i] += by;
    reference.feed(&batch(&graph, 3, 0), &labels(&graph, 3, 0)).unwrap();
    for layer in 0..graph.layers.len() {
        reference.forward(layer).unwrap();
    }
    Ops::loss(&mut reference).unwrap();
    reference.loss
}

/// Central differences, at sizes so small that every parameter can be moved.
#[test]
fn gradients_are_those_of_finite_differences() {
    let shapes: [&[u64]; 4] = [&[3, 4, 5, 2, 3], &[2, 8, 2, 3], &[2, 3, 3, 2], &[2, 3, 4, 2, 2, 3]];
    for (network, values) in NETWORKS.iter().zip(shapes) {
        let shape = Shape::of(network.axes, values);
        let graph = (network.graph)(&shape);
        let mut reference = Reference::seeded(graph.clone(), 3);
        reference.feed(&batch(&graph, 3, 0), &labels(&graph, 3, 0)).unwrap();
        reference.step().unwrap();
        let h = 1e-5;
        for (p, parameter) in graph.parameters.iter().enumerate() {
            for i in 0..parameter.len() {
                let [above, below] = [h, -h].map(|by| loss_with(network, &shape, (p, i), by));
                let (expected, found) = ((above - below) / (2.0 * h), reference.gradients[p][i]);
                assert!(
                    (found - expected).abs() < 1e-8 + 1e-6 * expected.abs(),
                    "{} {} {i}: {found}, not {expected}",
                    network.name,
                    parameter.name
                );
            }
        }
    }
}

/// A mini-batch of a task that can be learnt: samples of class 1 of 2 are shifted by half a deviation in
/// every other element.
fn task(graph: &Graph, seed: u64, step: u64) -> (Vec<f32>, Vec<f32>) {
    let labels: Vec<f32> = labels(graph, seed, step).iter().map(|label| label % 2.0).collect();
    let mut batch = batch(graph, seed, step);
    let dims = &graph.values[graph.input()].dims;
    // Sequences of an LSTM have the samples second.
    let (samples, inner) = match graph.layers.first() {
        Some(Layer::Lstm(l)) => (l.batch, l.hidden),
        _ => (dims[0], batch.len() / dims[0]),
    };
    for (i, x) in batch.iter_mut().enumerate() {
        if i % 2 == 0 {
            *x += labels[i / inner % samples] - 0.5;
        }
    }
    (batch, labels)
}

/// Labels that the data tell: training must learn them.
#[test]
fn two_hundred_steps_learn_a_task() {
    let shapes: [&[u64]; 4] =
        [&[16, 8, 16, 2, 2], &[8, 8, 2, 2], &[16, 5, 8, 2], &[8, 4, 8, 2, 1, 2]];
    for (network, values) in NETWORKS.iter().zip(shapes) {
        let shape = Shape::of(network.axes, values);
        let graph = (network.graph)(&shape);
        let mut reference = Reference::seeded(graph.clone(), 1);
        let mut losses = Vec::new();
        for step in 0..200 {
            let (batch, labels) = task(&graph, 1, step);
            reference.feed(&batch, &labels).unwrap();
            reference.step().unwrap();
            losses.push(reference.loss);
        }
        let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
        let (first, last) = (mean(&losses[..20]), mean(&losses[180..]));
        assert!(last < 0.7 * first, "{}: {first} to {last}", network.name);
    }
}

#[test]
fn work_is_counted_as_the_tables_say() {
    for (network, values, flop, stored) in [
        (
            "mlp",
            &[2u64, 3, 5, 4, 7][..],
            6 * 2 * (3 * 5 + 3 * 25 + 5 * 7) - 2 * 2 * 3 * 5,
            2 * (3 + 20 + 7),
        ),
        (
            "cnn",
            &[2, 16, 3, 5],
            54 * 2 * (3 * 3 * 256 + 9 * 256 + 2 * 9 * 64 + 8 * 9 * 16) + 24 * 2 * 3 * 4 * 5
                - 54 * 2 * 3 * 256,
            2 * (3 * 256 + 4 * 3 * 256 + 5 * 3 * 64 + 10 * 3 * 16 + 4 * 3 * 4 + 5),
        ),
        (
            "lstm",
            &[2, 3, 5, 7],
            48 * 3 * 2 * 25 + 6 * 2 * 5 * 7 - 8 * 3 * 2 * 25,
            7 * 3 * 2 * 5 + 2 * 7,
        ),
        (
            "transformer",
            &[2, 3, 4, 2, 2, 5],
            3 * (2 * (24 * 2 * 3 * 16 + 4 * 2 * 9 * 4) + 2 * 2 * 4 * 5),
            2 * 3 * 4 + 2 * (12 * 2 * 3 * 4 + 2 * 2 * 9) + 2 * 4 + 2 * 5,
        ),
    ] {
        let network = crate::network::find(network).unwrap();
        let graph = (network.graph)(&Shape::of(network.axes, values));
        let all = Operation::all(&graph);
        assert_eq!(all.map(|o| o.flop(&graph)).sum::<u64>(), flop, "{}", network.name);
        assert_eq!(graph.stored_floats(), stored, "{}", network.name);
    }
}
