//! The facts of a device.

use serde::{Deserialize, Serialize};

use crate::terms::{DeviceId, DeviceKind};

/// One device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeviceEntry {
    /// Its id.
    pub id: DeviceId,
    /// What it is.
    pub kind: DeviceKind,
    /// Its name.
    pub name: String,
    /// Which backend drives it.
    pub backend: String,
    /// Platform and driver with versions; empty for the CPU.
    pub driver: String,
    /// Which defaults its kernels start from; empty for the CPU.
    pub class: String,
    /// Threads, for CPUs.
    pub threads: Option<u32>,
    /// Compute units, for OpenCL devices.
    pub compute_units: Option<u32>,
    /// Highest clock in MHz, where known.
    pub clock_mhz: Option<u32>,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// Largest single allocation in bytes.
    pub max_allocation_bytes: u64,
    /// Local memory of a work-group in bytes.
    pub local_memory_bytes: Option<u64>,
    /// Whether local memory is memory of its own, for OpenCL devices.
    #[serde(default)]
    pub own_local_memory: Option<bool>,
    /// Bytes of the cache that an OpenCL device tells of.
    #[serde(default)]
    pub cache_bytes: Option<u64>,
    /// Seconds between two ticks of an OpenCL device's clock.
    #[serde(default)]
    pub timer_resolution_s: Option<f64>,
    /// Extensions, for OpenCL devices.
    pub extensions: Vec<String>,
}

impl DeviceEntry {
    /// A device of which no more is known.
    pub fn new(id: DeviceId, kind: DeviceKind, name: &str, backend: &str) -> DeviceEntry {
        DeviceEntry {
            id,
            kind,
            name: name.to_string(),
            backend: backend.to_string(),
            driver: String::new(),
            class: String::new(),
            threads: None,
            compute_units: None,
            clock_mhz: None,
            memory_bytes: 0,
            max_allocation_bytes: 0,
            local_memory_bytes: None,
            own_local_memory: None,
            cache_bytes: None,
            timer_resolution_s: None,
            extensions: Vec::new(),
        }
    }
}
