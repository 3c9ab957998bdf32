use super::*;
use crate::backend::Runner;
use crate::backend::cpu::native::Path;
use crate::backend::cpu::simd::Isa;
use crate::machine;
use crate::network::{Tolerance, Trainer, Trajectory, golden, initial};
use crate::tensor::FENCE;
use crate::verify::Problem;
use crate::workload::{Dtype, Scope, WORKLOADS, Work};

const SCRATCH: u64 = 64 << 20;

const NO_WORK: Work = Work { flop_count: 0, flop_exact: 0, bytes_moved: 0 };

/// A runner as what trains.
struct Trained<'a> {
    runner: TrainRunner<'a>,
    lengths: Vec<usize>,
}

impl<'a> Trained<'a> {
    fn new(pool: &'a Pool, graph: Graph, seed: u64) -> Trained<'a> {
        let lengths = graph.parameters.iter().map(|p| p.len()).collect();
        let mut inputs = initial(&graph, seed);
        let input = graph.values[graph.input()].len();
        inputs.extend([vec![0.0; input], vec![0.0; graph.batch()]]);
        let step = Step::new(pool, graph, SCRATCH).unwrap();
        let mut runner = TrainRunner::of(step, NO_WORK);
        runner.load(&inputs).unwrap();
        Trained { runner, lengths }
    }

    fn part(&mut self, start: usize) -> Vec<Vec<f64>> {
        let output = self.runner.output(Scope::Compute).unwrap();
        let mut at = FENCE + start;
        let mut take = |len: &usize| {
            at += len;
            output[at - len..at].iter().map(|x| f64::from(*x)).collect()
        };
        self.lengths.iter().map(&mut take).collect()
    }
}

impl Trainer for Trained<'_> {
    fn feed(&mut self, batch: &[f32], labels: &[f32]) -> Result<()> {
        self.runner.feed(batch, labels)
    }

    fn step(&mut self) -> Result<()> {
        self.runner.run(Scope::Compute)
    }

    fn loss(&mut self) -> Result<f64> {
        Ok(f64::from(self.runner.output(Scope::Compute)?[FENCE]))
    }

    fn gradients(&mut self) -> Result<Vec<Vec<f64>>> {
        Ok(self.part(1))
    }

    fn parameters(&mut self) -> Result<Vec<Vec<f64>>> {
        let gradients: usize = self.lengths.iter().sum();
        Ok(self.part(1 + gradients))
    }
}

#[test]
fn golden_trajectories_are_followed() {
    let pool = Pool::new(&machine::choose_cores(None).unwrap());
    for expected in golden() {
        let (network, shape) = expected.setting().unwrap();
        let mut trained = Trained::new(&pool, (network.graph)(&shape), expected.seed);
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
                let pool = Pool::new(&vec![0; threads]);
                for (path, isa) in paths() {
                    let step = Step::with(&pool, graph.clone(), SCRATCH, (path, isa)).unwrap();
                    let mut runner = TrainRunner::of(step, NO_WORK);
                    let verdict = problem.verify(&mut runner);
                    assert!(verdict.is_ok(), "{} {shape} {isa:?}: {verdict:?}", workload.name());
                    let bits = |runner: &mut TrainRunner<'_>| -> Vec<u32> {
                        runner.restore().unwrap();
                        runner.run(Scope::Compute).unwrap();
                        runner.run(Scope::Compute).unwrap();
                        let output = runner.output(Scope::Compute).unwrap();
                        output.iter().map(|x| x.to_bits()).collect()
                    };
                    let first = bits(&mut runner);
                    assert_eq!(bits(&mut runner), first, "{} {shape}", workload.name());
                }
            }
        }
    }
}

fn paths() -> Vec<(Path, Isa)> {
    let all = Path::ALL.iter().copied().filter(|path| path.is_available());
    all.zip(Isa::available()).collect()
}

#[test]
fn parts_of_a_step_are_its_operations() {
    let workload = crate::workload::find("train-cnn").unwrap();
    let shape = workload.awkward_shapes()[1].clone();
    let graph = (workload.network().unwrap().graph)(&shape);
    let pool = Pool::new(&[0]);
    let work = workload.work(&shape);
    let mut runner = TrainRunner::new(&pool, graph.clone(), work, SCRATCH).unwrap();
    let (mut names, mut flop) = (Vec::new(), 0);
    let mut after = |part: &crate::backend::Part| {
        names.push(part.operation.clone());
        flop += part.flop_count;
    };
    assert!(runner.run_in_parts(&mut after).unwrap());
    assert_eq!(names[0], "conv-forward");
    assert_eq!(names.last().map(String::as_str), Some("update-sgd"));
    assert_eq!(flop, work.flop_count);
    // Few channels: plain sums, then Winograd's algorithm.
    assert!(runner.details().work.is_some_and(|own| own.flop_exact <= work.flop_exact));
}
