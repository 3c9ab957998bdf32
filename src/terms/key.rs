//! What a row is about: its identity, the same in every file.

use super::{Cache, DeviceId, Dtype, Scope};

/// The identity of a case: what was computed, on which caches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CaseKey<'a> {
    /// Name of the workload.
    pub workload: &'a str,
    /// The shape as it is written, every axis in canonical order.
    pub shape: &'a str,
    /// What it was stored and computed in.
    pub dtype: Dtype,
    /// State of the caches before a run.
    pub cache: Cache,
}

/// The identity of a row: a case, what a timed run of it included, and who ran it. Two rows of one run
/// with equal keys are about the same runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RowKey<'a> {
    /// What was computed.
    pub case: CaseKey<'a>,
    /// What a timed run included.
    pub scope: Scope,
    /// The device.
    pub device: &'a DeviceId,
    /// Name of the implementation.
    pub implementation: &'a str,
}

impl RowKey<'_> {
    /// Who ran it and how, in words that are alike from run to run: `opencl:0,packed,compute`, with dtype and state of
    /// the caches where they are not the usual.
    pub fn words(&self) -> String {
        let CaseKey { dtype, cache, .. } = self.case;
        let scope = self.scope.name();
        let dtype = (dtype != Dtype::F32).then(|| dtype.name());
        let cache = (cache != Cache::Hot).then(|| cache.name());
        let words = [self.device.as_str(), self.implementation, &scope].into_iter();
        words.chain(dtype).chain(cache).collect::<Vec<_>>().join(",")
    }
}

/// A row about a case.
pub trait Cased {
    /// The identity of its case.
    fn case(&self) -> CaseKey<'_>;
}

/// A row about the runs of one implementation on one device.
pub trait Keyed: Cased {
    /// Its identity.
    fn key(&self) -> RowKey<'_>;
}

/// Rows whose columns are named as the fields of [`CaseKey`].
macro_rules! cased {
    ($($row:ty),+ $(,)?) => {$(
        impl $crate::terms::Cased for $row {
            fn case(&self) -> $crate::terms::CaseKey<'_> {
                $crate::terms::CaseKey {
                    workload: &self.workload,
                    shape: &self.shape,
                    dtype: self.dtype,
                    cache: self.cache,
                }
            }
        }
    )+};
}
pub(crate) use cased;

/// Rows whose columns are named as the fields of [`RowKey`] and [`CaseKey`].
macro_rules! keyed {
    ($($row:ty),+ $(,)?) => {$(
        $crate::terms::cased!($row);

        impl $crate::terms::Keyed for $row {
            fn key(&self) -> $crate::terms::RowKey<'_> {
                $crate::terms::RowKey {
                    case: $crate::terms::Cased::case(self),
                    scope: self.scope,
                    device: &self.device,
                    implementation: &self.implementation,
                }
            }
        }
    )+};
}
pub(crate) use keyed;
