//! Who stands for the CPU.

use super::word::words;
use super::{DeviceId, DeviceKind};

words! {
    /// Who stands for the CPU in a speed-up.
    pub enum Baseline {
        /// The fastest row of the CPU side, contenders included.
        Best = "best",
        /// The fastest row of our own.
        Own = "own",
    }
}

impl Baseline {
    /// Whether a device may stand for the CPU here.
    pub fn admits(self, device: &DeviceId, kind: DeviceKind) -> bool {
        device.is_cpu_side(kind) && (self == Baseline::Best || device.is_cpu())
    }

    /// Whether a device is set against this baseline.
    pub fn faces(self, device: &DeviceId, kind: DeviceKind) -> bool {
        !device.is_cpu_side(kind) || (self == Baseline::Own && !device.is_cpu())
    }
}
