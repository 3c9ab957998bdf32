//! Presets: named selections of shapes. Each workload holds its own list.

use std::borrow::Cow;
use std::iter;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::Workload;
use crate::error::{self, Result};
use crate::terms::{Dtype, Family, Shape, words};

/// A line of DeepBench over this many FLOP needs a budget.
const DEEPBENCH_FLOP_LIMIT: u64 = 6_000_000_000;

words! {
    /// A named selection, in the order of the help text.
    pub enum Preset {
        /// A few sizes, minutes.
        Quick = "quick",
        /// All sizes that matter, half an hour.
        Standard = "standard",
        /// Everything, hours.
        Full = "full",
        /// The sizes of Baidu's DeepBench.
        DeepBench = "deepbench",
        /// The fourteen families of shapes of GPU-BLOB.
        Blob = "blob",
        /// The convolutions of ResNet-50 v1.5.
        ResNet50 = "resnet50",
        /// The convolutions of VGG-16.
        Vgg16 = "vgg16",
        /// The convolutions of U-Net.
        UNet = "unet",
    }
}

impl Preset {
    /// Finds a preset by its name.
    pub fn parse(name: &str) -> Result<Preset> {
        error::named("preset", name, Self::ALL, |preset| preset.name())
    }

    /// What its shapes are computed in, where that is not what is usual for each workload.
    pub fn dtypes(self) -> Option<&'static [Dtype]> {
        (self == Preset::Blob).then_some(&[Dtype::F32, Dtype::F64])
    }

    /// Whether it is the layers of a network, whose batch the user may choose.
    pub fn is_network(self) -> bool {
        matches!(self, Preset::ResNet50 | Preset::Vgg16 | Preset::UNet)
    }
}

/// What a list of shapes has to know of the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Bytes of the CPU's last-level cache; zero where unknown.
    pub last_level_cache_bytes: u64,
    /// Bytes of memory that were free when the run began; zero where unknown.
    #[serde(default)]
    pub free_memory_bytes: u64,
}

/// One shape of a preset, as a point of a sweep or a line of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The shape.
    pub shape: Shape,
    /// The sweep's axis and this point's value on it; none in a list.
    pub point: Option<(Cow<'static, str>, u64)>,
    /// The list's name; empty in a sweep.
    pub list: &'static str,
    /// What the list calls this line.
    pub layer: String,
    /// How often the list has it.
    pub repeat: u64,
    /// Why it is left out unless a budget is given.
    pub needs_budget: Option<&'static str>,
}

impl Entry {
    /// A point of a sweep.
    pub fn point(shape: Shape, axis: impl Into<Cow<'static, str>>, value: u64) -> Entry {
        Entry { point: Some((axis.into(), value)), ..Entry::line(shape, "", String::new()) }
    }

    /// The points of a sweep along an axis, with the shape at each value.
    pub fn sweep(
        axis: &'static str,
        values: impl IntoIterator<Item = u64>,
        shape: impl Fn(u64) -> Shape,
    ) -> Vec<Entry> {
        let point = |value| Entry::point(shape(value), axis, value);
        values.into_iter().map(point).collect()
    }

    /// The points of a family, called so: sizes that double, and the largest. Where there is no such shape, why.
    pub fn along(
        family: &Family,
        sizes: RangeInclusive<u64>,
        axis: &str,
    ) -> std::result::Result<Vec<Entry>, String> {
        let (low, high) = sizes.into_inner();
        let below = iter::successors(Some(low), |size| size.checked_mul(2));
        let sizes = below.take_while(|size| *size < high).chain([high]);
        sizes.map(|size| Ok(Entry::point(family.at(size)?, axis.to_string(), size))).collect()
    }

    /// The one shape of a workload without axes, which only the presets of sweeps have.
    pub fn without_axes(preset: Preset) -> Vec<Entry> {
        let is_list = preset.is_network() || matches!(preset, Preset::DeepBench | Preset::Blob);
        let line = || Entry::line(Shape::of(&[], &[]), "", String::new());
        (!is_list).then(line).into_iter().collect()
    }

    /// A line of DeepBench. One of many FLOP needs a budget.
    pub fn deepbench(shape: Shape, layer: String, flop: u64) -> Entry {
        let needs_budget = "over 6e9 FLOP; --budget SECONDS allows it";
        Entry {
            needs_budget: (flop > DEEPBENCH_FLOP_LIMIT).then_some(needs_budget),
            ..Entry::line(shape, "deepbench", layer)
        }
    }

    /// A line of a list.
    pub fn line(shape: Shape, list: &'static str, layer: String) -> Entry {
        Entry { shape, point: None, list, layer, repeat: 1, needs_budget: None }
    }
}

/// The points of a family of a workload's own.
pub fn family(workload: &dyn Workload, text: &str) -> Vec<Entry> {
    let known = "it is a family of shapes";
    let (family, sizes) = Family::parse(workload.name(), workload.axes(), text).expect(known);
    Entry::along(&family, sizes, &workload.family_name(&family)).expect(known)
}
