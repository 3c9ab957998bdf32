//! A prepared training step.

use super::Step;
use crate::backend::cpu::simd::Isa;
use crate::backend::cpu::{Pool, SCRATCH_BYTES};
use crate::backend::{Details, Part, Parts, Runner, Training};
use crate::error::{Error, Result};
use crate::network::{self, Graph, Operation};
use crate::tensor::{Element, FENCE, Operands, Tensor, Values};
use crate::terms::Scope;
use crate::workload::Work;

/// Parameters, optimiser and mini-batch in main memory. Nothing is moved, so both scopes are the same
/// run.
pub struct TrainRunner<'a> {
    step: Step<'a>,
    /// Steps since the last restore.
    steps: u64,
    /// Parameters, to which `restore` goes back, mini-batch and labels; none before the first are loaded.
    operands: Operands,
    /// The result of the last step that was asked for, in one piece.
    output: Vec<f32>,
    work: Work,
}

impl<'a> TrainRunner<'a> {
    /// Allocates, and makes the layers ready with at most so many bytes of scratch for each convolution.
    /// `work` is that of the step by its definition.
    pub fn new(
        pool: &'a Pool,
        graph: Graph,
        work: Work,
        scratch_limit: u64,
    ) -> Result<TrainRunner<'a>> {
        Ok(TrainRunner::of(Step::new(pool, graph, scratch_limit, Isa::best())?, work))
    }

    /// Of a step that is ready.
    pub(super) fn of(step: Step<'a>, work: Work) -> TrainRunner<'a> {
        let saved = step.layers.iter().map(|layer| layer.saved_flop()).sum();
        let flop_exact = work.flop_exact.saturating_sub(saved);
        TrainRunner {
            step,
            steps: 0,
            operands: Operands::from(Vec::new()),
            output: Vec::new(),
            work: Work { flop_exact, ..work },
        }
    }

    /// Bytes that a prepared step takes.
    pub fn footprint_bytes(graph: &Graph) -> u64 {
        // Parameters, what `restore` brings back, gradients, and packed recurrent weights.
        let states = 4 + graph.optimizer.states() as u64;
        let values: u64 = graph.values.iter().map(|value| value.len() as u64).sum();
        let has_conv = graph.layers.iter().any(|layer| matches!(layer, network::Layer::Conv(_)));
        let scratch = if has_conv { SCRATCH_BYTES } else { 0 };
        // What is stored, and the gradients of values.
        4 * (states * graph.parameter_count() + graph.stored_floats() + 2 * values) + scratch
    }
}

impl Runner for TrainRunner<'_> {
    fn load(&mut self, operands: &Operands) -> Result<()> {
        let [_, .., batch, labels] = &operands[..] else {
            return Err(Error::device("a training step takes parameters, batch and labels"));
        };
        self.feed(batch.f32s(), labels.f32s())?;
        self.operands = operands.clone();
        self.restore()
    }

    fn poison(&mut self, _: Scope) -> Result<()> {
        let t = &mut self.step.tensors;
        for arena in t.state.iter_mut().chain([&mut t.parameters, &mut t.gradients]) {
            arena.poison();
        }
        let input = t.graph.input();
        let values = t.values.iter_mut().enumerate().filter(|(value, _)| *value != input);
        values.for_each(|(_, values)| values.fill(f32::POISON));
        t.value_gradients.iter_mut().for_each(|values| values.fill(f32::POISON));
        t.loss = f32::POISON;
        self.restore()
    }

    fn run(&mut self, _: Scope) -> Result<()> {
        self.steps += 1;
        let (pool, number) = (self.step.tensors.pool, self.steps);
        let operations = Operation::all(&self.step.tensors.graph);
        pool.hold(|| {
            let mut operations = operations;
            operations.try_for_each(|operation| operation.run(&mut self.step, number))
        })
    }

    fn moves_nothing(&self) -> bool {
        true
    }

    fn overwritten(&mut self) -> Result<Option<usize>> {
        let t = &self.step.tensors;
        let labels: Vec<f32> = t.labels.iter().map(|label| *label as f32).collect();
        let batch = [&t.values[t.graph.input()][..], &labels].map(Element::view);
        let first = self.operands.len().saturating_sub(batch.len());
        let mut pairs = batch.iter().zip(self.operands.iter().skip(first));
        let of_batch = pairs.position(|(kept, loaded)| !kept.is_same(loaded.view()));
        Ok(self.operands.first_changed().or(of_batch.map(|number| first + number)))
    }

    fn output(&mut self, _: Scope) -> Result<Values<'_>> {
        let t = &self.step.tensors;
        let is_broken =
            t.state.iter().chain([&t.parameters, &t.gradients]).any(|arena| arena.is_broken());
        let parameters = t.graph.parameter_count() as usize;
        self.output.clear();
        self.output.reserve_exact(1 + 2 * parameters + 2 * FENCE);
        self.output.resize(FENCE, f32::SENTINEL);
        if is_broken {
            // The fence before the result stands for those between its tensors.
            self.output[FENCE - 1] = 0.0;
        }
        self.output.push(t.loss);
        t.gradients.append_to(&mut self.output);
        t.parameters.append_to(&mut self.output);
        self.output.resize(self.output.len() + FENCE, f32::SENTINEL);
        Ok(f32::view(&self.output))
    }

    fn details(&self) -> Details {
        Details {
            work: Some(self.work),
            scratch_bytes: self.step.layers.iter().map(|layer| layer.scratch_bytes()).sum(),
            ..Details::default()
        }
    }

    fn training(&mut self) -> Option<&mut dyn Training> {
        Some(self)
    }

    fn parts(&mut self) -> Option<&mut dyn Parts> {
        Some(self)
    }
}

impl Training for TrainRunner<'_> {
    fn restore(&mut self) -> Result<()> {
        let t = &mut self.step.tensors;
        t.parameters.set(self.operands.iter().map(Tensor::f32s));
        t.state.iter_mut().for_each(|state| state.fill(0.0));
        self.steps = 0;
        // It is looked at before: as large as all gradients and parameters.
        self.output = Vec::new();
        Ok(())
    }

    fn feed(&mut self, batch: &[f32], labels: &[f32]) -> Result<()> {
        let t = &mut self.step.tensors;
        let input = t.graph.input();
        t.values[input].copy_from_slice(batch);
        t.labels = labels.iter().map(|label| *label as usize).collect();
        Ok(())
    }
}

impl Parts for TrainRunner<'_> {
    fn run_in_parts(&mut self, after: &mut dyn FnMut(&Part)) -> Result<()> {
        self.steps += 1;
        for operation in Operation::all(&self.step.tensors.graph) {
            operation.run(&mut self.step, self.steps)?;
            let graph = &self.step.tensors.graph;
            after(&Part {
                operation: operation.name(graph),
                device_s: None,
                flop_count: operation.flop(graph),
            });
        }
        Ok(())
    }

    fn narrow(&mut self, parameters: Option<&str>) -> Result<()> {
        let refusal = || Error::Unsupported("no kernel goes by tuned parameters".to_string());
        parameters.map_or(Ok(()), |_| Err(refusal()))
    }
}
