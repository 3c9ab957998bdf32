//! What a row is about: its identity, the same in every file.

use super::{Cache, DeviceId, Dtype, Scope};

/// The identity of a row: what was computed, under what conditions, by whom. Two rows of one run with
/// equal keys are about the same runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RowKey<'a> {
    /// Name of the workload.
    pub workload: &'a str,
    /// The shape as it is written, every axis in canonical order.
    pub shape: &'a str,
    /// What it was stored and computed in.
    pub dtype: Dtype,
    /// State of the caches before a run.
    pub cache: Cache,
    /// What a timed run included.
    pub scope: Scope,
    /// The device.
    pub device: &'a DeviceId,
    /// Name of the implementation.
    pub implementation: &'a str,
}

/// A row with an identity.
pub trait Keyed {
    /// Its identity.
    fn key(&self) -> RowKey<'_>;
}
