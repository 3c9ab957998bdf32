//! What devices are called.

use serde::{Deserialize, Serialize};

/// What kind of device a row ran on. An OpenCL device that is a CPU stays `cpu`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceKind {
    /// A CPU, whoever drives it.
    Cpu,
    /// A GPU.
    Gpu,
    /// Anything else.
    Accelerator,
}

impl DeviceKind {
    /// The word in the files.
    pub fn name(self) -> &'static str {
        match self {
            DeviceKind::Cpu => "cpu",
            DeviceKind::Gpu => "gpu",
            DeviceKind::Accelerator => "accelerator",
        }
    }
}
