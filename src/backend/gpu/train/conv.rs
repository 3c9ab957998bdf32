//! Convolutions: the kernels of the three passes.

use super::super::recipe::{Argument, Recipe, Step};
use super::Kind;
use super::planner::{Passes, Planner};
use super::slots::{Call, Slot, Value};
use crate::backend::Task;
use crate::backend::gpu::{Target, conv};
use crate::backend::tunable::Pinned;
use crate::error::Result;
use crate::network::{Conv3x3, Graph, Layer};
use crate::terms::Dtype;
use crate::workload::{Pass, find};

/// By layer: of a convolution the forward pass, that to the filters and, where it is needed, that to the
/// data; of other layers none.
pub fn recipes(
    target: &Target,
    graph: &Graph,
    kind: Kind,
    parameters: Option<Pinned<'_>>,
) -> Result<Vec<Vec<Recipe>>> {
    let recipe = |l: &Conv3x3, pass: &Pass| recipe(target, l, kind, *pass, parameters);
    let of = |layer: &Layer| match layer {
        Layer::Conv(l) => {
            let passes: &[Pass] = if graph.needs_gradient(l.x) {
                &[Pass::Fprop, Pass::Wgrad, Pass::Dgrad]
            } else {
                &[Pass::Fprop, Pass::Wgrad]
            };
            passes.iter().map(|pass| recipe(l, pass)).collect()
        }
        _ => Ok(Vec::new()),
    };
    graph.layers.iter().map(of).collect()
}

fn recipe(
    target: &Target,
    l: &Conv3x3,
    kind: Kind,
    pass: Pass,
    parameters: Option<Pinned<'_>>,
) -> Result<Recipe> {
    let (workload, shape) = (find(pass.workload())?, l.sizes().shape());
    let implementation = kind.name();
    let task = Task { workload, shape: &shape, dtype: Dtype::F32, implementation, parameters };
    let recipe = match kind {
        Kind::Local => conv::local,
        Kind::Register => conv::register,
        Kind::Packed => conv::packed,
        Kind::Naive => conv::naive,
    };
    recipe(target, &task)
}

impl Planner<'_> {
    pub fn conv(&mut self, l: &Conv3x3, recipes: Vec<Recipe>) -> Passes {
        let [x, y] = [l.x, l.y].map(Slot::Value);
        let (f, df) = (Slot::Parameter(l.weight), Slot::ParameterGradient(l.weight));
        let dy = self.gradient(l.y);
        let operands = [[x, f, y], [dy, x, df], [dy, f, self.gradient(l.x)]];
        let passes = recipes.into_iter().zip(operands);
        let mut passes = passes.map(|(recipe, operands)| self.follow(recipe, operands));
        let forward = passes.next().unwrap_or_default();
        [forward, passes.flatten().collect()]
    }

    /// The launches of a recipe on two operands and a result.
    fn follow(&mut self, recipe: Recipe, [first, second, out]: [Slot; 3]) -> Vec<Call> {
        let first_table = self.tables.len();
        self.tables.extend(recipe.tables);
        let value = |argument: Argument| match argument {
            Argument::Int(size) => Value::Int(size),
            Argument::Float(number) => Value::Float(number),
            Argument::Input(0) => first.into(),
            Argument::Input(_) => second.into(),
            Argument::Output => out.into(),
            Argument::Scratch(number) => Slot::Scratch(number).into(),
            Argument::Table(number) => Slot::Table(first_table + number).into(),
        };
        self.tells(recipe.tuned.unwrap_or_default());
        let call = |step: Step| Call {
            step: step.with(|arguments| arguments.into_iter().map(value).collect()),
            goes_by: String::new(),
        };
        recipe.steps.into_iter().map(call).collect()
    }
}
