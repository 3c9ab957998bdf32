use super::*;
use crate::backend::cpu::simd::Isa;
use crate::backend::{Parts, Runner, Stepwise, Training};
use crate::machine;
use crate::network::{Tolerance, Trajectory, golden};
use crate::terms::{Dtype, Scope};
use crate::verify::Problem;
use crate::workload::{WORKLOADS, Work};

const SCRATCH: u64 = 64 << 20;

const NO_WORK: Work = Work { flop_count: 0, flop_exact: 0, elements_moved: 0 };

#[test]
fn golden_trajectories_are_followed() {
    let pool = Pool::new(&machine::choose_cores(None).unwrap()).unwrap();
    for expected in golden() {
        let (network, shape) = expected.setting().unwrap();
        let graph = (network.graph)(&shape);
        let step = Step::new(&pool, graph.clone(), SCRATCH, Isa::best()).unwrap();
        let runner = Box::new(TrainRunner::of(step, NO_WORK));
        let mut trained = Stepwise::new(runner, &graph, expected.seed);
        let steps = expected.losses.len() as u64;
        let found = Trajectory::of(&network, &shape, expected.seed, steps, &mut trained).unwrap();
        let (worst, what) = found.distance(&expected, Tolerance::F32);
        println!("{} {shape}: {worst:.3} of what is accepted, {what}", network.name);
        assert!(worst <= 1.0, "{} {shape}: {what}: {worst}", network.name);
    }
}

/// Every shape worth a look, with every kind of vector and any number of threads; the same bits twice.
#[test]
fn steps_are_right_and_the_same_on_every_run() {
    for workload in WORKLOADS.iter().filter(|w| w.network().is_some()) {
        for shape in workload.awkward_shapes() {
            let graph = (workload.network().unwrap().graph)(&shape);
            let problem = Problem::new(*workload, &shape, Dtype::F32, 1);
            for threads in [1, 2, 3] {
                let pool = Pool::new(&vec![0; threads]).unwrap();
                for isa in Isa::available() {
                    let step = Step::new(&pool, graph.clone(), SCRATCH, isa).unwrap();
                    let mut runner = TrainRunner::of(step, NO_WORK);
                    let proof = problem.verify(&mut runner);
                    assert!(proof.is_ok(), "{} {shape} {isa:?}: {proof:?}", workload.name());
                    let bits = |runner: &mut TrainRunner<'_>| -> Vec<u32> {
                        runner.restore().unwrap();
                        runner.run(Scope::Compute).unwrap();
                        runner.run(Scope::Compute).unwrap();
                        let output = runner.output(Scope::Compute).unwrap();
                        output.f32s().iter().map(|x| x.to_bits()).collect()
                    };
                    let first = bits(&mut runner);
                    assert_eq!(bits(&mut runner), first, "{} {shape}", workload.name());
                }
            }
        }
    }
}

#[test]
fn parts_of_a_step_are_its_operations() {
    let workload = crate::workload::find("train-cnn").unwrap();
    let shape = workload.awkward_shapes()[1].clone();
    let graph = (workload.network().unwrap().graph)(&shape);
    let pool = Pool::new(&[0]).unwrap();
    let work = workload.work(&shape);
    let mut runner = TrainRunner::new(&pool, graph.clone(), work, SCRATCH).unwrap();
    let (mut names, mut flop) = (Vec::new(), 0);
    let mut after = |part: &crate::backend::Part| {
        names.push(part.operation.clone());
        flop += part.flop_count;
    };
    runner.run_in_parts(&mut after).unwrap();
    assert_eq!(names[0], "conv-forward");
    assert_eq!(names.last().map(String::as_str), Some("update-sgd"));
    assert_eq!(flop, work.flop_count);
    // Few channels: plain sums, then Winograd's algorithm.
    assert!(runner.details().work.is_some_and(|own| own.flop_exact <= work.flop_exact));
}
