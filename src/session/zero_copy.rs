//! Which devices compute in the host's memory: to map a buffer moves nothing there, which is no speed of a
//! transfer.

use crate::backend::{Device, Mappable};
use crate::error::Result;
use crate::measure::Clock;
use crate::terms::DeviceId;

/// Mapping that moves nothing is more than so many times as fast as writing (clpeak's rule).
const TIMES: f64 = 3.0;

/// How often each is tried; the first pays for pages that nobody has touched.
const RUNS: usize = 4;

/// Their ids.
pub fn devices(devices: &[Box<dyn Device>], clock: &dyn Clock) -> Vec<DeviceId> {
    let is_one = |device: &&dyn Device| match device.mappable() {
        Ok(Some(buffer)) => moves_nothing(buffer.as_ref(), clock).unwrap_or(false),
        // A device that fails here has no transfers, or fails again, with a reason, in its first case.
        Ok(None) | Err(_) => false,
    };
    devices.iter().map(Box::as_ref).filter(is_one).map(|device| device.entry().id.clone()).collect()
}

/// Whether mapping a buffer moves nothing.
fn moves_nothing(buffer: &dyn Mappable, clock: &dyn Clock) -> Result<bool> {
    let fastest = |work: &mut dyn FnMut() -> Result<()>| {
        (0..RUNS).try_fold(f64::INFINITY, |least, _| Ok(clock.time(work)?.min(least)))
    };
    let written: f64 = fastest(&mut || buffer.write())?;
    let mapped = fastest(&mut || buffer.map())?;
    Ok(written > TIMES * mapped)
}

#[cfg(test)]
mod tests;
