//! What is searched: parameters of the kernels with the values that they may take, the rules between
//! them, and the classes of shapes with one that stands for each.

use super::Tuned;
use super::store::Entry;
use crate::backend::opencl::{conv, family, gemm, program, stream};
use crate::backend::tunable::{Dimension, Point, Space, Tunable};
use crate::machine::DeviceEntry;
use crate::record::DeviceKind;

/// An implementation whose parameters are searched.
struct Kernel {
    family: &'static str,
    implementation: &'static str,
    /// Whether it is for CPU devices, or for all others.
    for_cpus: bool,
    space: Space,
}

/// Workload, implementation, class of shapes, special cases and the shape that stands for the class.
type Class = (&'static str, &'static str, &'static str, &'static [&'static str], &'static str);

const TILES: &[Dimension] = &[
    ("TM", &[32, 64, 128]),
    ("TN", &[32, 64, 128]),
    ("TK", &[8, 16, 32]),
    ("WM", &[4, 8, 16]),
    ("WN", &[4, 8, 16]),
    ("DB", &[0, 1, 2]),
    ("AHEAD", &[0, 1]),
    ("PADA", &[0, 4]),
    ("PADB", &[0, 4]),
    ("PREFETCH_BEFORE_BARRIER", &[0, 1]),
];

const REGISTER: &[Dimension] = &[
    ("WM", &[2, 4, 8]),
    ("WN", &[4, 8]),
    ("KU", &[4, 8]),
    ("LX", &[4, 8, 16, 32]),
    ("LY", &[2, 4, 8, 16]),
];

const CONV_REGISTER: &[Dimension] =
    &[("WM", &[2, 4, 8]), ("WN", &[4, 8]), ("LX", &[4, 8, 16, 32]), ("LY", &[2, 4, 8, 16])];

const PACKED: &[Dimension] = &[
    ("MR", &[2, 4, 5, 6, 7, 8, 10, 12, 14]),
    ("NV", &[1, 2, 4]),
    ("NC", &[128, 256, 512, 1024]),
    ("KC", &[128, 256, 512, 1024]),
    ("UNROLL", &[1, 2, 4, 8]),
    ("B_AHEAD", &[4, 8, 16]),
];

const CONV_PACKED: &[Dimension] = &[
    ("MR", &[2, 4, 5, 6, 7, 8, 10, 12, 14]),
    ("NV", &[1, 2, 4]),
    ("MC", &[6, 12, 24, 48, 96]),
    ("NC", &[128, 256, 512, 1024]),
    ("KC", &[128, 256, 512, 1024]),
    ("UNROLL", &[1, 2, 4, 8]),
];

const DEPTHWISE: &[Dimension] = &[("QW", &[1, 2, 4, 8]), ("WG", &[32, 64, 128, 256])];

const STREAM: &[Dimension] = &[
    ("VW", &[1, 2, 4, 8, 16]),
    ("WPI", &[1, 2, 4, 8]),
    ("PATTERN", &[0, 1]),
    ("WG", &[1, 16, 64, 128, 256]),
    ("NT", &[0, 1]),
    ("GROUPS_PER_UNIT", &[1, 2, 4, 8, 16, 32]),
];

const KERNELS: &[Kernel] = &[
    kernel("gemm", "local", false, TILES, tiles),
    kernel("gemm", "register", false, REGISTER, group),
    kernel("gemm", "packed", true, PACKED, packed),
    kernel("conv", "local", false, TILES, |p| tiles(p) && conv_tiles(p)),
    kernel("conv", "register", false, CONV_REGISTER, group),
    kernel("conv", "depthwise", false, DEPTHWISE, |_| true),
    kernel("conv", "packed", true, CONV_PACKED, packed),
    kernel("stream", "vector", true, STREAM, |_| true),
    kernel("stream", "vector", false, STREAM, |p| p.get("WG") >= 16),
];

const fn kernel(
    family: &'static str,
    implementation: &'static str,
    for_cpus: bool,
    dimensions: &'static [Dimension],
    is_legal: fn(&Point) -> bool,
) -> Kernel {
    let space = Space { dimensions, is_legal, items };
    Kernel { family, implementation, for_cpus, space }
}

const LARGE: &str = "m=1024,n=1024,k=1024";
const SMALL: &str = "m=256,n=256,k=256";
const THIN: &str = "m=32,n=1024,k=1024";
const TRANSPOSED: &str = "m=512,n=512,k=512,ta=1";
const TAPS: &str = "n=8,c=128,h=28,w=28,k=128,r=3,s=3,pad=1";
const TAPS_NARROW: &str = "n=8,c=64,h=56,w=56,k=64,r=3,s=3,pad=1";
const POINT: &str = "n=8,c=256,h=28,w=28,k=128,r=1,s=1";
const POINT_NARROW: &str = "n=8,c=64,h=56,w=56,k=64,r=1,s=1";
const DEPTH: &str = "n=8,c=128,h=56,w=56,k=128,r=3,s=3,pad=1,groups=128";
/// Their bytes depend on the device's cache.
const MEMORY: &str = "memory";
const CACHE: &str = "cache";

/// In the order in which they are tuned: what most runs gain from comes first.
const CLASSES: &[Class] = &[
    ("gemm", "local", "large", &[], LARGE),
    ("gemm", "local", "small", &[], SMALL),
    ("gemm", "local", "thin", &[], THIN),
    ("gemm", "local", "transposed-a", &[], TRANSPOSED),
    ("gemm", "register", "large", &[], LARGE),
    ("gemm", "register", "small", &[], SMALL),
    ("gemm", "register", "thin", &[], THIN),
    ("gemm", "register", "transposed-a", &[], TRANSPOSED),
    ("gemm", "packed", "large", &[], LARGE),
    ("gemm", "packed", "small", &[], SMALL),
    ("gemm", "packed", "thin", &[], THIN),
    ("gemm", "packed", "transposed-a", &["transposed_a"], TRANSPOSED),
    ("conv-fprop", "local", "fprop-taps", &[], TAPS),
    ("conv-fprop", "local", "fprop-1x1", &[], POINT),
    ("conv-fprop", "local", "fprop-taps-narrow", &["narrow"], TAPS_NARROW),
    ("conv-fprop", "local", "fprop-1x1-narrow", &["narrow"], POINT_NARROW),
    ("conv-dgrad", "local", "dgrad-taps", &[], TAPS),
    ("conv-dgrad", "local", "dgrad-1x1", &[], POINT),
    ("conv-dgrad", "local", "dgrad-taps-narrow", &["narrow"], TAPS_NARROW),
    ("conv-dgrad", "local", "dgrad-1x1-narrow", &["narrow"], POINT_NARROW),
    ("conv-wgrad", "local", "wgrad-taps", &["wgrad"], TAPS),
    ("conv-wgrad", "local", "wgrad-1x1", &["wgrad"], POINT),
    ("conv-wgrad", "local", "wgrad-taps-narrow", &["wgrad", "narrow"], TAPS_NARROW),
    ("conv-wgrad", "local", "wgrad-1x1-narrow", &["wgrad", "narrow"], POINT_NARROW),
    ("conv-fprop", "register", "fprop-taps", &[], TAPS),
    ("conv-fprop", "register", "fprop-1x1", &[], POINT),
    ("conv-dgrad", "register", "dgrad-taps", &[], TAPS),
    ("conv-dgrad", "register", "dgrad-1x1", &[], POINT),
    ("conv-wgrad", "register", "wgrad-taps", &[], TAPS),
    ("conv-wgrad", "register", "wgrad-1x1", &[], POINT),
    ("conv-fprop", "depthwise", "fprop", &[], DEPTH),
    ("conv-dgrad", "depthwise", "dgrad", &[], DEPTH),
    ("conv-wgrad", "depthwise", "wgrad", &[], DEPTH),
    ("conv-fprop", "packed", "fprop-taps", &["fprop"], TAPS),
    ("conv-fprop", "packed", "fprop-1x1", &["fprop"], POINT),
    ("conv-dgrad", "packed", "dgrad-taps", &["dgrad"], TAPS),
    ("conv-dgrad", "packed", "dgrad-1x1", &["dgrad"], POINT),
    ("conv-wgrad", "packed", "wgrad-taps", &["wgrad"], TAPS),
    ("conv-wgrad", "packed", "wgrad-1x1", &["wgrad"], POINT),
    ("stream-triad", "vector", "memory", &[], MEMORY),
    ("stream-triad", "vector", "cache", &["in_cache"], CACHE),
    ("stream-dot", "vector", "sum-memory", &[], MEMORY),
    ("stream-dot", "vector", "sum-cache", &["in_cache"], CACHE),
];

/// What can be tuned on a device whose work-groups hold up to `max_group_size` items.
pub fn tunables(tuned: &Tuned, device: &DeviceEntry, max_group_size: usize) -> Vec<Tunable> {
    let is_cpu = device.kind == DeviceKind::Cpu;
    let all = CLASSES.iter().filter_map(|class| {
        let (workload, implementation, shape_class, cases, shape) = *class;
        let kernel = find(family(workload), implementation, is_cpu)?;
        let mut tunable = Tunable {
            workload,
            implementation,
            prepared_as: if implementation == "depthwise" { "local" } else { implementation },
            shape_class,
            shape: shape_on(device, shape)?,
            space: kernel.space,
            seeds: vec![defaults(tuned, kernel, cases)],
            max_group_size,
        };
        let is_it = |e: &&Entry| e.is_for(kernel.family, implementation, shape_class);
        for entry in tuned.entries.iter().filter(is_it) {
            tunable.add_seed(&entry.parameters);
        }
        // What serves another class of shapes may serve this one.
        for (other, name, _, cases, _) in CLASSES {
            if (family(other), *name) == (kernel.family, implementation) {
                tunable.add_seed(&defaults(tuned, kernel, cases));
            }
        }
        Some(tunable)
    });
    all.collect()
}

fn find(family: &str, implementation: &str, is_cpu: bool) -> Option<&'static Kernel> {
    KERNELS.iter().find(|kernel| {
        (kernel.family, kernel.implementation, kernel.for_cpus) == (family, implementation, is_cpu)
    })
}

/// The searched parameters as the class of the device has them.
fn defaults(tuned: &Tuned, kernel: &Kernel, cases: &[&str]) -> Point {
    let parameters = tuned.specials(kernel.family, kernel.implementation, cases);
    let set = |(name, _): &Dimension| Some((*name, parameters.number(name)?));
    Point::of(&kernel.space.dimensions.iter().filter_map(set).collect::<Vec<_>>())
}

/// The bytes of a stream: arrays that fill half of the cache, or eight times as much as it holds. None
/// where the device tells of no cache: nothing is chosen by it then.
fn shape_on(device: &DeviceEntry, shape: &str) -> Option<String> {
    let cache = device.cache_bytes.unwrap_or(0);
    let room = (device.max_allocation_bytes / 4).min(1 << 28);
    match shape {
        MEMORY => Some(format!("bytes={}", (8 * cache / 3).clamp(1 << 25, room) / 64 * 64)),
        CACHE if cache == 0 => None,
        CACHE => Some(format!("bytes={}", (cache / 6).clamp(1 << 12, 1 << 23) / 64 * 64)),
        shape => Some(shape.to_string()),
    }
}

/// Work-items of a group.
fn items(p: &Point) -> usize {
    match () {
        () if p.get("TM") > 0 => p.get("TM") / p.get("WM") * (p.get("TN") / p.get("WN")),
        () if p.get("LX") > 0 => p.get("LX") * p.get("LY"),
        () => p.get("WG").max(1),
    }
}

/// The rules of tile.cl, with loads of single elements and of four.
fn tiles(p: &Point) -> bool {
    let get = |name| p.get(name);
    let (tm, tn, tk, wm, wn) = (get("TM"), get("TN"), get("TK"), get("WM"), get("WN"));
    if tm < wm || tn < wn || wm * wn > 128 {
        return false;
    }
    let items = items(p);
    let whole = |side: usize| {
        (side * tk).is_multiple_of(4 * items)
            && [side, side / 4, tk, tk / 4]
                .iter()
                .all(|vectors| items.is_multiple_of(*vectors) || vectors.is_multiple_of(items))
    };
    let buffers = if get("DB") == 2 { 2 } else { 1 };
    let local = 4 * buffers * tk * (tm + get("PADA") + tn + get("PADB"));
    let moved = if get("DB") > 0 { (tm + tn) * tk / items } else { 0 };
    let registers = wm * wn + wm + wn + moved + 24;
    (16..=1024).contains(&items) && whole(tm) && whole(tn) && local <= 48 << 10 && registers <= 240
}

/// What conv/local.cl asks besides.
fn conv_tiles(p: &Point) -> bool {
    items(p).is_multiple_of(p.get("TN"))
}

/// A work-group of a size that devices have.
fn group(p: &Point) -> bool {
    (16..=1024).contains(&items(p)) && p.get("WM") * p.get("WN") <= 64
}

/// The tile stays in the registers of AVX-512, and panels divide blocks.
fn packed(p: &Point) -> bool {
    let (mr, nv) = (p.get("MR"), p.get("NV"));
    (1..=16).contains(&mr)
        && (nv == 1 || nv == 2 || nv == 4)
        && mr * nv + nv < 32
        && p.get("NC").is_multiple_of(16 * nv)
        && p.get("KC").is_multiple_of(16)
        && p.get("KC") > 0
}

/// Names the source of an implementation; none for those that are not tuned.
pub fn source_hash(family: &str, implementation: &str) -> Option<String> {
    let sources = match family {
        "gemm" => gemm::SOURCES,
        "conv" => conv::SOURCES,
        "stream" => stream::SOURCES,
        _ => return None,
    };
    let (_, source) = sources.iter().find(|(name, _)| *name == implementation)?;
    Some(format!("{:016x}", program::fnv1a(source.as_bytes())))
}

/// Whether an entry keeps the rules: a user may have written it.
pub fn is_legal(entry: &Entry) -> bool {
    let fits = |kernel: &&Kernel| {
        (kernel.family, kernel.implementation) == (&*entry.family, &*entry.implementation)
            && entry.parameters.0.iter().all(|(name, value)| {
                let known = kernel.space.dimensions.iter().find(|(other, _)| other == name);
                known.is_some_and(|(_, values)| values.contains(value))
            })
            && (kernel.space.is_legal)(&entry.parameters)
    };
    KERNELS.iter().any(|kernel| fits(&kernel))
}

/// Defaults of GPUs.
#[cfg(test)]
pub fn a_legal_point(family: &str, implementation: &str) -> Point {
    let kernel = KERNELS.iter().find(|k| k.family == family && k.implementation == implementation);
    defaults(&Tuned::of_class("gpu"), kernel.unwrap(), &[])
}

#[cfg(test)]
mod tests {
    use super::super::{classes, shapes};
    use super::*;
    use crate::workload::{self, Conv, Pass, Shape};

    fn device(kind: DeviceKind, class: &str) -> DeviceEntry {
        let mut entry = DeviceEntry::new("opencl:0", kind, "device", "opencl");
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
                assert!(source_hash(&entry.family, tunable.implementation).is_some());
            }
        }
    }

    /// The shape that stands for a class is of that class.
    #[test]
    fn shapes_stand_for_their_classes() {
        for (name, implementation, class, cases, shape) in CLASSES {
            let workload = workload::find(name).unwrap();
            let Some(text) = shape_on(&device(DeviceKind::Cpu, "cpu"), shape) else { panic!() };
            let shape = Shape::parse(workload, &text).unwrap();
            let pass = Pass::ALL.into_iter().find(|pass| pass.workload() == *name);
            let found = match pass {
                Some(pass) if *implementation == "depthwise" => pass.name().to_string(),
                Some(pass) => shapes::conv(pass, &Conv::of(&shape), cases.contains(&"narrow")),
                None if *name == "gemm" => {
                    let size = |axis| shape.size(axis);
                    shapes::gemm(size("m"), size("n"), size("ta")).to_string()
                }
                None => {
                    let in_cache = workload.work(&shape).bytes_moved < 1 << 20;
                    shapes::stream(*name == "stream-dot", in_cache).to_string()
                }
            };
            assert_eq!(found, *class, "{name} {implementation}");
        }
    }
}
