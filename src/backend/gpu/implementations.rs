//! Which recipes there are for a workload.

use super::recipe::{Build, Recipe};
use super::target::Target;
use super::{conv, gemm, gemv, launch, peak, rows, stream, train};
use crate::backend::Task;
use crate::error::Result;
use crate::terms::Dtype::{self, Bf16, F16, F32, F64};

/// What makes the recipe of a task.
pub type Make = fn(&Target, &Task<'_>) -> Result<Recipe>;

/// The three passes of a convolution.
const CONV: &[&str] = &["conv-fprop", "conv-dgrad", "conv-wgrad"];

/// Workloads, names of their implementations in the order of reports, what makes their recipes, and the
/// dtypes that they compute in.
type Row = (&'static [&'static str], &'static [&'static str], Make, &'static [Dtype]);

/// All of them.
const IMPLEMENTATIONS: &[Row] = &[
    (&["gemm"], &["local"], gemm::local, &[F32, F64, Bf16]),
    (&["gemm"], &["register"], gemm::register, &[F32, F64, Bf16]),
    (&["gemm"], &["packed"], gemm::packed, &[F32, F64]),
    (&["gemm"], &["naive"], gemm::naive, &[F32, F64, Bf16]),
    (&["gemv"], &["local"], gemv::local, &[F32, F64]),
    (&["gemv"], &["packed"], gemv::packed, &[F32, F64]),
    (CONV, &["local"], conv::local, &[F32]),
    (CONV, &["register"], conv::register, &[F32]),
    (CONV, &["packed"], conv::packed, &[F32]),
    (CONV, &["naive"], conv::naive, &[F32]),
    (&["softmax", "layernorm"], &["local"], rows::local, &[F32]),
    (&["softmax", "layernorm"], &["packed"], rows::packed, &[F32]),
    (&stream::NAMES, &["vector"], stream::vector, &[F32]),
    (&["peak-fma"], &peak::NAMES, peak::peak, &[F32, F64, F16]),
    (&["launch"], &["round-trip"], launch::round_trip, &[F32]),
];

/// The recipes for a workload in a dtype by the names of their implementations.
pub fn recipes(workload: &str, dtype: Dtype) -> impl Iterator<Item = (&'static str, Make)> {
    let serves = move |row: &&Row| row.0.contains(&workload) && row.3.contains(&dtype);
    let rows = IMPLEMENTATIONS.iter().filter(serves);
    rows.flat_map(|(_, names, make, _)| names.iter().map(|name| (*name, *make)))
}

/// Every GPU kernel as a class of `kernels/tuned/` builds it.
pub fn builds(class: &str) -> Vec<Build> {
    let builds = [
        gemm::gpu_builds(class),
        gemv::gpu_builds(class),
        conv::gpu_builds(class),
        rows::gpu_builds(class),
        stream::gpu_builds(class),
        peak::gpu_builds(class),
        train::gpu_builds(class),
    ];
    builds.into_iter().flatten().collect()
}
