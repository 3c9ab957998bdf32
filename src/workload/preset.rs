//! Presets: named selections of shapes. Each workload holds its own list.

use serde::{Deserialize, Serialize};

use crate::error::{self, Result};
use crate::terms::Shape;

/// A line of DeepBench over this many FLOP needs a budget.
const DEEPBENCH_FLOP_LIMIT: u64 = 6_000_000_000;

/// A named selection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// A few sizes, minutes.
    Quick,
    /// All sizes that matter, half an hour.
    Standard,
    /// Everything, hours.
    Full,
    /// The sizes of Baidu's DeepBench.
    DeepBench,
    /// The convolutions of ResNet-50 v1.5.
    ResNet50,
    /// The convolutions of VGG-16.
    Vgg16,
    /// The convolutions of U-Net.
    UNet,
}

impl Preset {
    /// Every preset with its name, in the order of the help text.
    pub const ALL: &[(&str, Preset)] = &[
        ("quick", Preset::Quick),
        ("standard", Preset::Standard),
        ("full", Preset::Full),
        ("deepbench", Preset::DeepBench),
        ("resnet50", Preset::ResNet50),
        ("vgg16", Preset::Vgg16),
        ("unet", Preset::UNet),
    ];

    /// Finds a preset by its name.
    pub fn parse(name: &str) -> Result<Preset> {
        error::named("preset", name, Self::ALL, |(name, _)| name).map(|(_, preset)| *preset)
    }

    /// Whether it is the layers of a network, whose batch the user may choose.
    pub fn is_network(self) -> bool {
        matches!(self, Preset::ResNet50 | Preset::Vgg16 | Preset::UNet)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, p)| *p == self).map_or("", |(name, _)| name)
    }
}

/// What a list of shapes has to know of the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Bytes of the CPU's last-level cache; zero where unknown.
    pub last_level_cache_bytes: u64,
}

/// One shape of a preset, as a point of a sweep or a line of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The shape.
    pub shape: Shape,
    /// The sweep's axis and this point's value on it; none in a list.
    pub point: Option<(&'static str, u64)>,
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
    pub fn point(shape: Shape, axis: &'static str, value: u64) -> Entry {
        Entry {
            shape,
            point: Some((axis, value)),
            list: "",
            layer: String::new(),
            repeat: 1,
            needs_budget: None,
        }
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
