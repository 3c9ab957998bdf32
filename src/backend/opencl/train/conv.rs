//! Convolutions: the kernels of the three passes.

use super::super::OpenClDevice;
use super::Kind;
use super::launches::{Prepared, Value};
use super::plan::{Passes, Planner};
use crate::backend::Task;
use crate::backend::gpu::conv;
use crate::backend::gpu::recipe::{Argument, Recipe};
use crate::error::Result;
use crate::network::{Conv3x3, Graph, Layer};
use crate::terms::Dtype;
use crate::workload::{Pass, find};

/// By layer: of a convolution the forward pass, that to the filters and, where it is needed, that to the
/// data; of other layers none.
pub fn recipes(device: &OpenClDevice, graph: &Graph, kind: Kind) -> Result<Vec<Vec<Recipe>>> {
    let of = |layer: &Layer| match layer {
        Layer::Conv(l) => {
            let passes: &[Pass] = if graph.needs_gradient(l.x) {
                &[Pass::Fprop, Pass::Wgrad, Pass::Dgrad]
            } else {
                &[Pass::Fprop, Pass::Wgrad]
            };
            passes.iter().map(|pass| recipe(device, l, kind, *pass)).collect()
        }
        _ => Ok(Vec::new()),
    };
    graph.layers.iter().map(of).collect()
}

fn recipe(device: &OpenClDevice, l: &Conv3x3, kind: Kind, pass: Pass) -> Result<Recipe> {
    let (workload, shape) = (find(pass.workload())?, l.sizes().shape());
    let task = Task { workload, shape: &shape, dtype: Dtype::F32, implementation: kind.name() };
    let recipe = match (kind, pass) {
        (Kind::Local, _) => conv::local,
        (Kind::Register, _) => conv::register,
        (Kind::Naive, _) => conv::naive,
        (Kind::Packed, Pass::Fprop) => conv::packed_fprop,
        (Kind::Packed, Pass::Dgrad) => conv::packed_dgrad,
        (Kind::Packed, Pass::Wgrad) => conv::packed_wgrad,
    };
    recipe(device, &task)
}

impl Planner<'_> {
    pub fn conv(&mut self, l: &Conv3x3, recipes: Vec<Recipe>) -> Result<Passes> {
        let (memory, graph) = (self.memory, self.graph);
        let [x, y] = [l.x, l.y].map(|value| Value::Mem(&memory.values[value].mem));
        let f = (&memory.parameters.parts[l.weight].mem).into();
        let df = (&memory.gradients.parts[l.weight].mem).into();
        let dy = (&memory.gradient(graph, l.y)?.mem).into();
        let mut operands = vec![[x, f, y], [dy, x, df]];
        if graph.needs_gradient(l.x) {
            operands.push([dy, f, (&memory.gradient(graph, l.x)?.mem).into()]);
        }
        let mut passes = Vec::new();
        for (recipe, operands) in recipes.into_iter().zip(operands) {
            passes.push(self.follow(recipe, operands)?);
        }
        let backward = passes.split_off(1).into_iter().flatten().collect();
        Ok([passes.into_iter().flatten().collect(), backward])
    }

    /// The launches of a recipe on two operands and a result.
    fn follow(
        &mut self,
        recipe: Recipe,
        [first, second, out]: [Value<'_>; 3],
    ) -> Result<Vec<Prepared>> {
        let tables = self.upload(recipe.tables)?;
        let memory = self.memory;
        let value = |argument: &Argument| match argument {
            Argument::Int(size) => Value::Int(*size),
            Argument::Float(number) => Value::Float(*number),
            Argument::Input(0) => first,
            Argument::Input(_) => second,
            Argument::Output => out,
            Argument::Scratch(number) => (&memory.scratch[*number].mem).into(),
            Argument::Table(number) => (&tables[*number].mem).into(),
        };
        self.tells(recipe.tuned.unwrap_or_default());
        let mut launches = Vec::new();
        for step in recipe.steps {
            let values: Vec<Value<'_>> = step.arguments.iter().map(value).collect();
            launches.push(self.prepare_step(&step, &values)?);
        }
        self.keep(tables);
        Ok(launches)
    }
}
