//! A canary: the same short kernel before and after each case. If its time moves, the machine did, and
//! not the runners.

use super::Setup;
use crate::backend::{self, Runner, Task};
use crate::measure::Clock;
use crate::record::{DRIFT, Home, Record};
use crate::tensor::Data;
use crate::terms::{DeviceId, Dtype, Format, Scope};
use crate::workload::{self, Workload};

/// Runs of which the fastest counts: others may have been interrupted.
const RUNS: usize = 3;

/// A prepared canary on each device of our own that has one.
#[derive(Default)]
pub(super) struct Canary<'a> {
    /// Id of the device, and the runner.
    pub(super) runners: Vec<(DeviceId, Box<dyn Runner + 'a>)>,
}

/// The canary's times: seconds by device.
pub type CanaryTimes = Vec<(DeviceId, f64)>;

impl<'a> Canary<'a> {
    /// Prepares the peak kernel of every device; one that can't have it has no canary.
    pub(super) fn new(setup: &Setup<'a>) -> Canary<'a> {
        let mut canary = Canary::default();
        let peak = &workload::Peak;
        let Ok(shape) = peak.shape("") else { return canary };
        let inputs = Data::Random(1).operands(Format::F32, &peak.inputs(&shape));
        for device in setup.devices {
            let names = device.defaults(peak, Dtype::F32);
            let Some(implementation) = names.first() else { continue };
            let task = Task {
                workload: peak,
                shape: &shape,
                dtype: Dtype::F32,
                implementation,
                parameters: None,
            };
            if let Ok(mut runner) = backend::prepare(device.as_ref(), &task)
                && runner.load(&inputs).is_ok()
            {
                canary.runners.push((device.entry().id.clone(), runner));
            }
        }
        canary
    }

    /// The shortest time of a few runs on each device.
    pub(super) fn times(&mut self, clock: &dyn Clock) -> CanaryTimes {
        let mut fastest = CanaryTimes::new();
        for (id, runner) in &mut self.runners {
            let mut run = || runner.run(Scope::Compute);
            let times = (0..RUNS).filter_map(|_| clock.time(&mut run).ok());
            fastest.extend(times.reduce(f64::min).map(|best| (id.clone(), best)));
        }
        fastest
    }
}

/// Notes on rows whose device ran at another speed after the case than before.
pub(super) fn note_drift(records: &mut [Record], before: &CanaryTimes, after: &CanaryTimes) {
    for record in records.iter_mut().filter(|r| r.wall_median_s.is_some()) {
        let Home::Id(home) = record.home() else { continue };
        let of = |times: &CanaryTimes| times.iter().find(|(id, _)| *id == home).map(|(_, s)| *s);
        if let (Some(before), Some(after)) = (of(before), of(after))
            && (after / before - 1.0).abs() > DRIFT
        {
            record.note("drift");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_speed_is_noted_on_the_rows_of_its_device() {
        let row = |device: &str| Record { device: device.into(), ..Record::example() };
        let mut rows =
            ["cpu", "opencl:0", "contender:x:cpu", "contender:y:opencl-0", "opencl:1"].map(row);
        let times = |cpu: f64, opencl: f64| {
            vec![(DeviceId::cpu(), cpu), (DeviceId::from("opencl:0"), opencl)]
        };
        note_drift(&mut rows, &times(1.0, 1.0), &times(1.02, 0.96));
        let drifted: Vec<bool> = rows.iter().map(|r| r.has_note("drift")).collect();
        assert_eq!(drifted, [false, true, false, true, false]);
    }
}
