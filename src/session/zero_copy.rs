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
mod tests {
    use super::*;
    use std::cell::Cell;

    /// A buffer whose first write and first map take a second longer, and a clock that they turn.
    #[derive(Default)]
    struct Fake {
        now_s: Cell<f64>,
        runs: Cell<usize>,
        map_s: f64,
    }

    impl Fake {
        fn take(&self, seconds: f64) {
            let first = if self.runs.get().is_multiple_of(RUNS) { 1.0 } else { 0.0 };
            self.runs.set(self.runs.get() + 1);
            self.now_s.set(self.now_s.get() + seconds + first);
        }
    }

    impl Clock for Fake {
        fn now(&self) -> f64 {
            self.now_s.get()
        }
    }

    impl Mappable for Fake {
        fn write(&self) -> Result<()> {
            self.take(1e-2);
            Ok(())
        }

        fn map(&self) -> Result<()> {
            self.take(self.map_s);
            Ok(())
        }
    }

    #[test]
    fn mapping_that_is_over_three_times_as_fast_moves_nothing() {
        for (map_s, expected) in [(1e-5, true), (3.2e-3, true), (3.5e-3, false), (2e-2, false)] {
            let fake = Fake { map_s, ..Fake::default() };
            assert_eq!(moves_nothing(&fake, &fake).unwrap(), expected, "{map_s}");
        }
    }
}
