//! What a reader sees first, on the page and on the terminal: a sentence, a small table of the best device, and
//! what would settle that which is open.
//!
//! | file | holds |
//! | --- | --- |
//! | `lead.rs` | the first sentences |
//! | `table.rs` | a device against the CPU, a line a sweep or list |
//! | `advice.rs` | what would settle that which is open |
//! | `terminal.rs` | all of it in characters |

mod advice;
mod lead;
mod table;
mod terminal;

use std::path::Path;

use super::headline::Headline;
use super::input::Input;
use super::names::Device;
use super::views::Group;

pub use table::{Cell, Row, Table};
pub use terminal::Screen;

/// The answers of a run, the shortest first.
pub struct Overview {
    /// What kind of answers there are, where that needs saying, and what they come to.
    pub lead: Vec<String>,
    /// A table for each device that was set against the CPU, the best one first.
    pub tables: Vec<Table>,
    /// What would settle that which is open; none where nothing is.
    pub advice: Option<String>,
    /// What no table holds, each time a topic and a sentence.
    pub others: Vec<(String, String)>,
}

impl Overview {
    /// Of the run in `folder`, whose answers in sentences are these.
    pub fn of(
        input: &Input,
        groups: &[Group<'_>],
        devices: &[Device],
        headlines: &[Headline],
        folder: &Path,
    ) -> Overview {
        let tables = table::tables(input, groups, devices);
        let others = headlines.iter().filter(|h| h.is_large());
        Overview {
            lead: lead::sentences(input, devices, &tables),
            advice: advice::advice(input, folder),
            others: others.map(|h| (h.topic.clone(), h.sentence.clone())).collect(),
            tables,
        }
    }

    /// Its lines on this terminal.
    pub fn lines(&self) -> Vec<String> {
        self.lines_on(Screen::here())
    }

    /// Its lines, an empty one first.
    pub fn lines_on(&self, screen: Screen) -> Vec<String> {
        terminal::lines(self, screen)
    }
}
