//! Contenders among the backends.

use super::PREFIX;
use crate::backend::{Backend, Device, Devices, Request};
use crate::error::{Error, Result};
use crate::machine::DeviceEntry;

/// Other programs: the devices that those of a request say they have.
pub struct Contenders;

impl Backend for Contenders {
    fn prefix(&self) -> &'static str {
        PREFIX
    }

    fn discover(&self, request: &Request<'_>, cores: &[usize]) -> Result<Devices> {
        let (devices, problems) = super::discover(request.contenders, cores.len() as u32)?;
        if let Some(problem) = problems.first().filter(|_| request.strict) {
            return Err(Error::usage(problem.as_str()));
        }
        let all = devices.into_iter().map(|device| Box::new(device) as Box<dyn Device>);
        Ok(Devices { all: all.collect(), problems })
    }

    fn proof(&self, device: &DeviceEntry) -> String {
        let DeviceEntry { id, name, driver, .. } = device;
        format!("{id} {name}: {driver} answers; 'crossover verify' checks it")
    }

    fn starts_programs(&self) -> bool {
        true
    }

    fn abandon(&self) {
        super::abandon();
    }
}
