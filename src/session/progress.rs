//! Who hears how a session goes.

use crate::record::{PlanRow, Record, SummaryRow};

/// Who wants to hear how it goes.
pub trait Progress {
    /// A case begins: its number, how many there are, its name, and the seconds that it and all that
    /// follow are expected to take, but for points that a sweep may gain.
    fn case(&mut self, _number: usize, _total: usize, _name: &str, _left_s: f64) {}
    /// What is being done right now.
    fn step(&mut self, _what: &str) {}
    /// The rows of the case as they are so far, and for about how many seconds sampling goes on at the most.
    fn live(&mut self, _records: &mut dyn Iterator<Item = Record>, _left_s: f64) {}
    /// The rows of a case that has ended.
    fn rows(&mut self, _records: &[Record]) {}
    /// What a workload has answered whose cases are all done: its points, and how its devices compare there.
    fn answers(&mut self, _plan: &[PlanRow], _rows: &[SummaryRow]) {}
    /// A sentence.
    fn say(&mut self, _text: &str) {}
}

/// Hears nothing.
pub struct Silent;

impl Progress for Silent {}
