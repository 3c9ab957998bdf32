//! The classes of shapes, each with a shape that stands for it.

use crate::machine::DeviceEntry;

/// Workload, implementation, class of shapes, special cases and the shape that stands for the class.
pub type Class = (&'static str, &'static str, &'static str, &'static [&'static str], &'static str);

const LARGE: &str = "m=1024,n=1024,k=1024";
const SMALL: &str = "m=256,n=256,k=256";
const THIN: &str = "m=32,n=1024,k=1024";
const TRANSPOSED: &str = "m=512,n=512,k=512,ta=1";
const TAPS: &str = "n=8,c=128,h=28,w=28,k=128,r=3,s=3,pad=1";
const TAPS_NARROW: &str = "n=8,c=64,h=56,w=56,k=64,r=3,s=3,pad=1";
const POINT: &str = "n=8,c=256,h=28,w=28,k=128,r=1,s=1";
const POINT_NARROW: &str = "n=8,c=64,h=56,w=56,k=64,r=1,s=1";
const DEPTH: &str = "n=8,c=128,h=56,w=56,k=128,r=3,s=3,pad=1,groups=128";
/// Networks whose rows, columns, channels, parameters or steps of time a GPU is busy with.
const NARROW_ROWS: &str = "batch=16,seq=128,d_model=256,heads=8,layers=1,classes=10";
const WIDE_ROWS: &str = "batch=4,seq=512,d_model=512,heads=4,layers=1,classes=10";
const MANY_ROWS: &str = "batch=16,seq=128,d_model=512,heads=8,layers=1,classes=10";
const MANY_CHANNELS: &str = "batch=32,image=32,channels=32,classes=10";
const MANY_NARROW: &str = "batch=64,image=16,channels=32,classes=10";
const MANY_PARAMETERS: &str = "batch=64,inputs=784,width=2048,depth=2,classes=10";
const MANY_STEPS: &str = "batch=64,seq=8,hidden=512,classes=10";
/// The same for a CPU, which also computes the rest of the step while a point is verified.
const FEW_NARROW_ROWS: &str = "batch=4,seq=128,d_model=128,heads=4,layers=1,classes=10";
const FEW_WIDE_ROWS: &str = "batch=1,seq=320,d_model=320,heads=1,layers=1,classes=10";
const FEW_ROWS: &str = "batch=4,seq=128,d_model=256,heads=1,layers=1,classes=10";
const FEW_CHANNELS: &str = "batch=8,image=32,channels=16,classes=10";
const FEW_NARROW: &str = "batch=8,image=16,channels=32,classes=10";
const FEW_PARAMETERS: &str = "batch=16,inputs=784,width=1024,depth=2,classes=10";
const FEW_STEPS: &str = "batch=32,seq=8,hidden=256,classes=10";
/// Their bytes depend on the device's cache.
const MEMORY: &str = "memory";
const CACHE: &str = "cache";

/// In the order in which they are tuned: what most runs gain from comes first.
pub const CLASSES: &[Class] = &[
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
    ("train-transformer", "local-rows", "narrow", &[], NARROW_ROWS),
    ("train-transformer", "local-rows", "wide", &[], WIDE_ROWS),
    ("train-transformer", "local-columns", "all", &[], MANY_ROWS),
    ("train-cnn", "local-channels", "narrow", &[], MANY_NARROW),
    ("train-cnn", "local-channels", "wide", &[], MANY_CHANNELS),
    ("train-mlp", "local-elements", "update", &[], MANY_PARAMETERS),
    ("train-lstm", "local-elements", "lstm", &[], MANY_STEPS),
    ("train-transformer", "packed-rows", "narrow", &[], FEW_NARROW_ROWS),
    ("train-transformer", "packed-rows", "wide", &[], FEW_WIDE_ROWS),
    ("train-transformer", "packed-columns", "all", &[], FEW_ROWS),
    ("train-cnn", "packed-channels", "narrow", &[], FEW_NARROW),
    ("train-cnn", "packed-channels", "wide", &[], FEW_CHANNELS),
    ("train-mlp", "packed-elements", "update", &[], FEW_PARAMETERS),
    ("train-lstm", "packed-lstm", "all", &[], FEW_STEPS),
];

/// The bytes of a stream: arrays that fill half of the cache, or eight times as much as it holds. None
/// where the device tells of no cache: nothing is chosen by it then.
pub fn shape_on(device: &DeviceEntry, shape: &str) -> Option<String> {
    let cache = device.cache_bytes.unwrap_or(0);
    let room = (device.max_allocation_bytes / 4).min(1 << 28);
    match shape {
        MEMORY => Some(format!("bytes={}", (8 * cache / 3).clamp(1 << 25, room) / 64 * 64)),
        CACHE if cache == 0 => None,
        CACHE => Some(format!("bytes={}", (cache / 6).clamp(1 << 12, 1 << 23) / 64 * 64)),
        shape => Some(shape.to_string()),
    }
}
