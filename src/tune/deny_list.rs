//! Points that hang or crash a device. What is about to be tried is written down first: should it take
//! the machine with it, the next search knows.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::backend::tunable::{Point, Tunable};
use crate::machine::DeviceEntry;
use crate::record;

/// The points of a device that must not be tried.
pub struct DenyList {
    /// None where there is no folder for it: the list then ends with the process.
    path: Option<PathBuf>,
    device: String,
    lines: BTreeSet<Line>,
}

/// A point of a tunable on a device with a driver.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Line {
    device: String,
    tunable: String,
    point: Point,
}

impl DenyList {
    /// The list of a device, in this folder of the user's.
    pub fn read(folder: Option<PathBuf>, device: &DeviceEntry) -> DenyList {
        let path = folder.map(|folder| folder.join("poison.jsonl"));
        let text = path.as_ref().and_then(|path| fs::read_to_string(path).ok()).unwrap_or_default();
        let lines = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        DenyList { path, device: format!("{}; {}", device.name, device.driver), lines }
    }

    /// The points of a tunable that must not be tried.
    pub fn points(&self, tunable: &Tunable) -> BTreeSet<Point> {
        let name = tunable.name();
        let is_it = |line: &&Line| line.device == self.device && line.tunable == name;
        self.lines.iter().filter(is_it).map(|line| line.point.clone()).collect()
    }

    /// Puts a point on the list.
    pub fn add(&mut self, tunable: &Tunable, point: &Point) {
        if self.lines.insert(self.line(tunable, point)) {
            self.write();
        }
    }

    /// Takes a point off the list: it did no harm.
    pub fn remove(&mut self, tunable: &Tunable, point: &Point) {
        if self.lines.remove(&self.line(tunable, point)) {
            self.write();
        }
    }

    fn line(&self, tunable: &Tunable, point: &Point) -> Line {
        Line { device: self.device.clone(), tunable: tunable.name(), point: point.clone() }
    }

    /// A list that can't be written still holds for this process.
    fn write(&self) {
        let Some(path) = &self.path else { return };
        let json = |line: &Line| serde_json::to_string(line).expect("a line is JSON") + "\n";
        let text: String = self.lines.iter().map(json).collect();
        if let Some(folder) = path.parent() {
            let _ = fs::create_dir_all(folder);
        }
        let _ = record::replace_bytes(path, text.as_bytes());
    }
}
