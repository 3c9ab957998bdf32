//! Proof that verification of convolutions can fail: planted faults in all three passes, by sums and
//! by an algorithm that is not exact on integers, below and above 2^27 multiply-adds.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use crossover::backend::Task;
use crossover::tensor::Tensor;
use crossover::terms::{Conv, Dtype, Shape};
use crossover::verify::Problem;
use crossover::workload::{self, Algorithm, Workload};
use support::device::MadeUpRunner;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    /// The last tap of every filter counts as zero; of the filters' gradient it is zero.
    LastTap,
    /// The last channel of the sums is left out: of wgrad, the last image.
    LastTerm,
    /// The padding's edge: the first row of every image is that of an image without padding.
    Edge,
    /// Two images, or two filters, are taken for each other.
    Swapped,
    OneElement,
    Tf32,
}

const FAULTS: [Fault; 6] =
    [Fault::LastTap, Fault::LastTerm, Fault::Edge, Fault::Swapped, Fault::OneElement, Fault::Tf32];

/// A pass with a fault in it.
struct Sabotaged {
    workload: &'static dyn Workload,
    shape: Shape,
    fault: Fault,
}

/// Rounded to the 11 significant bits of TF32.
fn rounded(value: f32) -> f32 {
    f32::from_bits((value.to_bits() + (1 << 12)) & !((1 << 13) - 1))
}

impl Sabotaged {
    fn is_wgrad(&self) -> bool {
        self.workload.name() == "conv-wgrad"
    }

    /// The operands as the fault sees them.
    fn spoilt_inputs(&self, inputs: &[Tensor]) -> Vec<Tensor> {
        let conv = Conv::of(&self.shape);
        let taps = conv.r * conv.s;
        let mut inputs: Vec<Vec<f32>> = inputs.iter().map(|i| i.f32s().to_vec()).collect();
        match self.fault {
            Fault::LastTap if !self.is_wgrad() => {
                inputs[1].iter_mut().skip(taps - 1).step_by(taps).for_each(|f| *f = 0.0);
            }
            // The last channel of x, the last filter of dy, the last image of dy.
            Fault::LastTerm => {
                let channels = match self.workload.name() {
                    "conv-fprop" => conv.c,
                    "conv-dgrad" => conv.k,
                    _ => 1,
                };
                let plane = inputs[0].len() / conv.n / channels;
                let images = inputs[0].chunks_exact_mut(plane * channels);
                let last = if self.is_wgrad() { conv.n - 1 } else { 0 };
                for image in images.skip(last) {
                    image[plane * (channels - 1)..].fill(0.0);
                }
            }
            Fault::Tf32 => inputs.iter_mut().flatten().for_each(|x| *x = rounded(*x)),
            _ => {}
        }
        inputs.into_iter().map(Tensor::from).collect()
    }

    fn spoil(&self, output: &mut [f32]) {
        let conv = Conv::of(&self.shape);
        let parts = if self.is_wgrad() { conv.k } else { conv.n };
        let (part, taps) = (output.len() / parts, conv.r * conv.s);
        match self.fault {
            Fault::LastTap if self.is_wgrad() => {
                output.iter_mut().skip(taps - 1).step_by(taps).for_each(|f| *f = 0.0);
            }
            Fault::Edge => output[..2].iter_mut().for_each(|x| *x *= 0.5),
            Fault::Swapped => {
                let (first, last) = output.split_at_mut(part * (parts - 1));
                first[..part].swap_with_slice(&mut last[..part]);
            }
            Fault::OneElement => output[part * parts - part / 3 - 1] += 1.0,
            _ => {}
        }
    }

    fn result(&self, inputs: &[Tensor]) -> Vec<f32> {
        let inputs = self.spoilt_inputs(inputs);
        let exact = self.workload.exact_sums().unwrap().reference(&self.shape, &inputs, None).value;
        let mut output: Vec<f32> = exact.iter().map(|x| *x as f32).collect();
        self.spoil(&mut output);
        output
    }
}

fn every_fault_is_rejected(shape: &str) {
    let winograd = [Algorithm::Winograd(2), Algorithm::Winograd(4)];
    for name in ["conv-fprop", "conv-dgrad", "conv-wgrad"] {
        let workload = workload::find(name).unwrap();
        let shape = workload.shape(shape).unwrap();
        let problem = Problem::new(workload, &shape, Dtype::F32, 1);
        let has_winograd = name != "conv-wgrad";
        let algorithms = winograd.into_iter().filter(|_| has_winograd);
        for algorithm in [Algorithm::Direct].into_iter().chain(algorithms) {
            let proof = |fault: Fault| {
                let (dtype, implementation) = (Dtype::F32, "");
                let task =
                    Task { workload, shape: &shape, dtype, implementation, parameters: None };
                let sabotaged = Sabotaged { workload, shape: shape.clone(), fault };
                let mut runner = MadeUpRunner::new(&task, move |memory, _| {
                    memory.write(&sabotaged.result(&memory.inputs));
                    Ok(())
                });
                runner.details.algorithm = algorithm;
                problem.verify(&mut runner)
            };
            let honest = proof(Fault::None);
            assert!(honest.is_ok(), "{name} {algorithm:?}: {honest:?}");
            for fault in FAULTS {
                assert!(proof(fault).is_err(), "{name} {algorithm:?}: {fault:?} passed at {shape}");
            }
        }
    }
}

#[test]
fn below_the_limit_every_fault_is_rejected() {
    every_fault_is_rejected("n=3,c=20,h=9,w=10,k=17,r=3,s=3,pad=1");
}

#[test]
fn above_the_limit_every_fault_is_rejected() {
    every_fault_is_rejected("n=3,c=65,h=35,w=36,k=66,r=3,s=3,pad=1");
}
