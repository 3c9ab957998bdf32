//! Contenders among the backends.

use super::PREFIX;
use crate::backend::{Backend, Devices, Request};
use crate::error::{Error, Result};
use crate::machine::DeviceEntry;

/// Other programs: the devices that those of a request say they have.
pub struct Contenders;

impl Backend for Contenders {
    fn prefix(&self) -> &'static str {
        PREFIX
    }

    fn discover(&self, request: &Request<'_>, cores: &[usize]) -> Result<Devices> {
        let found = super::discover(request.contenders, cores.len() as u32)?;
        match found.problems.first().filter(|_| request.strict) {
            Some(problem) => Err(Error::usage(problem.as_str())),
            None => Ok(found),
        }
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
