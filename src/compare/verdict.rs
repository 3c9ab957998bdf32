//! What is said of a ratio, once the machine is taken out of it.

use super::machine::Process;
use crate::stats::{self, Ratio};
use crate::terms::{FloorKind, Keyed, Verdict};

/// What two processes of one program differ by, beyond what their roofs and samples tell: this share, and
/// this many times the noise of the noisier one. Of pairs on a virtual machine with two cores that other
/// programs used too, 5 in 100 differed by more.
const USUAL: f64 = 0.1;
const USUAL_NOISES: f64 = 3.0;

/// The smallest difference that is believed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Floor {
    /// As a share.
    pub share: f64,
    /// Where it is from.
    pub kind: FloorKind,
}

impl Floor {
    /// What the machines can show at a row: the largest floor that the noise.csv of a process holds. Where
    /// nobody measured it and one side is a single process, what such pairs usually differ by.
    pub fn of(a: &[Process<'_>], b: &[Process<'_>]) -> Option<Floor> {
        let measured = |p: &Process<'_>| {
            let key = p.record.key();
            p.run.noise.iter().find(|n| n.key() == key).map(|n| n.floor)
        };
        let measured = a.iter().chain(b).filter_map(measured).reduce(f64::max);
        if let Some(share) = measured {
            return Some(Floor { share, kind: FloorKind::Measured });
        }
        let is_known = a.len() > 1 && b.len() > 1;
        let usual = || USUAL + USUAL_NOISES * noise(a).max(noise(b));
        (!is_known).then(|| Floor { share: usual(), kind: FloorKind::Usual })
    }
}

/// The noise of a side's rows: that of the middle one of its processes.
fn noise(side: &[Process<'_>]) -> f64 {
    let noise: Vec<f64> = side.iter().filter_map(|p| p.record.noise).collect();
    stats::median(&noise).unwrap_or(0.0)
}

/// What remains of a ratio says this. A difference that can't be told from none is no verdict of its own.
pub fn verdict(rest: Ratio, sides: [&[Process<'_>]; 2], floor: Option<Floor>) -> Verdict {
    let floor = floor.map_or(0.0, |f| f.share);
    match Verdict::of(rest.low, rest.high, noise(sides[0]).max(noise(sides[1]))) {
        Verdict::Faster if rest.low <= 1.0 + floor => Verdict::Ambiguous,
        Verdict::Slower if rest.high >= 1.0 / (1.0 + floor) => Verdict::Ambiguous,
        verdict => verdict,
    }
}
