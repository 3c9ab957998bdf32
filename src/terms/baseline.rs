//! Who stands for the CPU.

use serde::{Deserialize, Serialize};

use super::{DeviceId, DeviceKind};

/// Who stands for the CPU in a speed-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Baseline {
    /// The fastest row of the CPU side, contenders included.
    Best,
    /// The fastest row of our own.
    Own,
}

impl Baseline {
    /// Both, in the order of summary.csv.
    pub const ALL: [Baseline; 2] = [Baseline::Best, Baseline::Own];

    /// Whether a device may stand for the CPU here.
    pub fn admits(self, device: &DeviceId, kind: DeviceKind) -> bool {
        device.is_cpu_side(kind) && (self == Baseline::Best || device.is_cpu())
    }

    /// Whether a device is set against this baseline.
    pub fn faces(self, device: &DeviceId, kind: DeviceKind) -> bool {
        !device.is_cpu_side(kind) || (self == Baseline::Own && !device.is_cpu())
    }
}
