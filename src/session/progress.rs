//! Who hears how a session goes.

use crate::record::Record;

/// Who wants to hear how it goes.
pub trait Progress {
    /// A case begins: its number, how many there are, and its name.
    fn case(&mut self, _number: usize, _total: usize, _name: &str) {}
    /// What is being done right now.
    fn step(&mut self, _what: &str) {}
    /// The rows of a case that has ended.
    fn rows(&mut self, _records: &[Record]) {}
    /// A sentence.
    fn say(&mut self, _text: &str) {}
}

/// Hears nothing.
pub struct Silent;

impl Progress for Silent {}
