//! Under what conditions a run is timed.

use super::word::words;

words! {
    /// What a timed run includes.
    #[derive(Default, PartialOrd, Ord)]
    pub enum Scope {
        /// Operands are resident on the device.
        #[default]
        Compute = "compute",
        /// Upload, compute, download.
        EndToEnd = "end_to_end",
    }
}

words! {
    /// State of the caches when a sample begins.
    #[derive(Default)]
    pub enum Cache {
        /// As the runs before left them.
        #[default]
        Hot = "hot",
        /// Flushed before every sample.
        Cold = "cold",
    }
}
