//! `launch`: what it costs to have a device do next to nothing. A kernel of one work-item copies one
//! element.
//!
//! | implementation | a run |
//! | --- | --- |
//! | `round-trip` | enqueue, and wait until it is done |
//! | `latency` | the same on a profiling queue; the device's clock counts from queued to start |
//! | `batch` | one of many that are enqueued before anyone waits |
//! | `build-cold` | compiling it, with a source that no cache has seen |
//! | `build-cached` | compiling it once more |

use super::{Check, Entry, ExactSums, Host, Preset, Reference, Work, Workload};
use crate::tensor::Tensor;
use crate::terms::{Role, Shape};

/// See the module.
pub struct Launch;

impl Workload for Launch {
    fn name(&self) -> &'static str {
        "launch"
    }

    fn work(&self, _: &Shape) -> Work {
        Work { flop_count: 0, flop_exact: 0, elements_moved: 0 }
    }

    fn check(&self) -> Check<'_> {
        Check::ExactSums(self)
    }

    fn inputs(&self, _: &Shape) -> Vec<usize> {
        vec![1]
    }

    fn output(&self, _: &Shape) -> usize {
        1
    }

    fn role(&self) -> Role {
        Role::Launch
    }

    fn preset(&self, preset: Preset, _: &Host) -> Vec<Entry> {
        Entry::without_axes(preset)
    }

    fn awkward_shapes(&self) -> Vec<Shape> {
        vec![Shape::of(&[], &[])]
    }
}

impl ExactSums for Launch {
    fn reduction(&self, _: &Shape) -> u64 {
        1
    }

    fn reference(&self, _: &Shape, inputs: &[Tensor], _: Option<&[usize]>) -> Reference {
        Reference::exact(inputs[0].to_f64s())
    }

    fn probes(&self, _: &Shape, _: (usize, usize), _: usize) -> Vec<usize> {
        vec![0]
    }
}
