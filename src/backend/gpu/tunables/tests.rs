use super::*;
use crate::backend::gpu::tuned::{classes, shapes};
use crate::network::{Graph, Layer};
use crate::terms::Conv;
use crate::workload::{self, Pass};

fn device(kind: DeviceKind, class: &str) -> DeviceEntry {
    let mut entry = DeviceEntry::new("opencl:0".into(), kind, "device", "opencl");
    entry.class = class.to_string();
    entry.cache_bytes = Some(1 << 20);
    entry.max_allocation_bytes = 1 << 30;
    entry
}

#[test]
fn the_defaults_of_every_class_are_points_that_may_be_tried() {
    for class in classes() {
        let kind = if class == "cpu" { DeviceKind::Cpu } else { DeviceKind::Gpu };
        let device = device(kind, class);
        let tunables = tunables(&Tuned::of_class(class), &device, 256);
        assert!(tunables.len() >= 14, "{class}");
        for tunable in tunables {
            let seed = &tunable.seeds[0];
            assert!(tunable.is_legal(seed), "{class} {}: {seed}", tunable.name());
            let entry = Entry::of(&tunable, seed);
            for (name, value) in &entry.parameters.0 {
                let dimension = tunable.space.dimensions.iter().find(|(d, _)| d == name);
                assert!(dimension.unwrap().1.contains(value), "{class} {name}={value}");
            }
        }
    }
}

/// Whether a step of a network launches kernels of a class.
fn has_such_kernels(graph: &Graph, implementation: &str, class: &str) -> bool {
    let (_, what) = implementation.split_once('-').unwrap();
    graph.layers.iter().any(|layer| match (what, layer) {
        ("rows", Layer::LayerNorm(l)) => shapes::rows(l.width) == class,
        ("rows", Layer::Attention(l)) => shapes::rows(l.seq) == class,
        ("columns", Layer::LayerNorm(_)) => true,
        ("channels", Layer::BatchNorm(l)) => shapes::channels(l.w) == class,
        ("elements", Layer::Lstm(_)) => class == "lstm",
        ("elements", Layer::Linear(_)) => class == "update",
        ("lstm", Layer::Lstm(_)) => true,
        _ => false,
    })
}

/// The shape that stands for a class is of that class.
#[test]
fn shapes_stand_for_their_classes() {
    for (name, implementation, class, cases, shape) in CLASSES {
        let workload = workload::find(name).unwrap();
        let Some(text) = shape_on(&device(DeviceKind::Cpu, "cpu"), shape) else { panic!() };
        let shape = workload.shape(&text).unwrap();
        if let Some(network) = workload.network() {
            assert!(has_such_kernels(&(network.graph)(&shape), implementation, class), "{name}");
            continue;
        }
        let pass = Pass::ALL.into_iter().find(|pass| pass.workload() == *name);
        let found = match pass {
            Some(pass) if *implementation == "depthwise" => pass.name().to_string(),
            Some(pass) => shapes::conv(pass, &Conv::of(&shape), cases.contains(&"narrow")),
            None if *name == "gemm" => {
                let size = |axis| shape.size(axis);
                shapes::gemm(size("m"), size("n"), size("ta")).to_string()
            }
            None => {
                let in_cache = workload.bytes_moved(&shape, Dtype::F32) < 1 << 20;
                shapes::stream(*name == "stream-dot", in_cache).to_string()
            }
        };
        assert_eq!(found, *class, "{name} {implementation}");
    }
}
