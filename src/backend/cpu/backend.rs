//! The CPU path among the backends.

use super::{Cpu, PREFIX};
use crate::backend::{Backend, Devices, Request};
use crate::error::Result;
use crate::machine::DeviceEntry;

/// The CPU path: always one device.
pub struct CpuPath;

impl Backend for CpuPath {
    fn prefix(&self) -> &'static str {
        PREFIX
    }

    fn discover(&self, _: &Request<'_>, cores: &[usize]) -> Result<Devices> {
        Ok(Devices { all: vec![Box::new(Cpu::new(cores)?)], problems: Vec::new() })
    }

    fn proof(&self, device: &DeviceEntry) -> String {
        let threads = device.threads.unwrap_or(1);
        format!("{}: {threads} threads, one a physical core", device.id)
    }
}
