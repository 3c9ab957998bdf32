use super::*;
use crate::backend::gpu::train::{Slot, Value};
use crate::network;

fn is_there(plan: &Plan, tensor: Slot) -> bool {
    let sizes = &plan.sizes;
    match tensor {
        Slot::Value(n) => sizes.values[n] > 0,
        Slot::Gradient(n) => sizes.gradients[n] > 0,
        Slot::Parameter(n) | Slot::ParameterGradient(n) => !sizes.layout.parts[n].is_empty(),
        Slot::State(n) => 3 + n < sizes.arenas,
        Slot::Saved(layer, n) => sizes.saved[layer].get(n).is_some_and(|len| *len > 0),
        Slot::Scratch(n) => sizes.scratch[n] > 0,
        Slot::Table(n) => !plan.tables[n].is_empty(),
        Slot::Parameters | Slot::ParameterGradients | Slot::Initial => true,
        Slot::Pieces | Slot::Labels | Slot::Losses | Slot::Loss => true,
    }
}

#[test]
fn a_plan_names_only_tensors_that_there_are_and_launches_that_the_device_allows() {
    for class in ["cpu", "nvidia"] {
        let target = Target::made_up(class);
        let served = |kind: &Kind| *kind != Kind::Packed || class == "cpu";
        for golden in network::golden() {
            let (network, shape) = golden.setting().unwrap();
            let graph = (network.graph)(&shape);
            for kind in Kind::ALL.into_iter().filter(served) {
                let plan = Plan::new(&target, &graph, kind, None).unwrap();
                let Schedule { forward, backward, loss, update, restore } = &plan.schedule;
                assert_eq!(forward.len(), graph.layers.len());
                assert!(forward.iter().all(|calls| !calls.is_empty()), "{}", network.name);
                let layers = forward.iter().chain(backward);
                for call in layers.chain([loss, update, restore]).flatten() {
                    target.check_step(&call.step).unwrap();
                    for value in &call.step.arguments {
                        let Value::Slot(tensor) = *value else { continue };
                        assert!(is_there(&plan, tensor), "{} {tensor:?}", network.name);
                    }
                }
            }
        }
    }
}
