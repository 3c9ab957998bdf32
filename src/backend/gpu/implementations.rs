//! Which recipes there are for a workload.

use super::recipe::{Build, Recipe};
use super::target::Target;
use super::{conv, gemm, launch, peak, rows, stream, train};
use crate::backend::Task;
use crate::error::Result;

/// What makes the recipe of a task.
pub type Make = fn(&Target, &Task<'_>) -> Result<Recipe>;

/// Workload, names of implementations in the order of reports, and what makes their recipes.
const IMPLEMENTATIONS: &[(&str, &[&str], Make)] = &[
    ("gemm", &["local"], gemm::local),
    ("gemm", &["register"], gemm::register),
    ("gemm", &["packed"], gemm::packed),
    ("gemm", &["naive"], gemm::naive),
    ("conv-fprop", &["local"], conv::local),
    ("conv-fprop", &["register"], conv::register),
    ("conv-fprop", &["packed"], conv::packed_fprop),
    ("conv-fprop", &["naive"], conv::naive),
    ("conv-dgrad", &["local"], conv::local),
    ("conv-dgrad", &["register"], conv::register),
    ("conv-dgrad", &["packed"], conv::packed_dgrad),
    ("conv-dgrad", &["naive"], conv::naive),
    ("conv-wgrad", &["local"], conv::local),
    ("conv-wgrad", &["register"], conv::register),
    ("conv-wgrad", &["packed"], conv::packed_wgrad),
    ("conv-wgrad", &["naive"], conv::naive),
    ("softmax", &["local"], rows::local),
    ("softmax", &["packed"], rows::packed),
    ("layernorm", &["local"], rows::local),
    ("layernorm", &["packed"], rows::packed),
    ("stream-copy", &["vector"], stream::vector),
    ("stream-scale", &["vector"], stream::vector),
    ("stream-add", &["vector"], stream::vector),
    ("stream-triad", &["vector"], stream::vector),
    ("stream-dot", &["vector"], stream::vector),
    ("peak-fma", &peak::NAMES, peak::peak),
    ("launch", &["round-trip"], launch::round_trip),
];

/// The recipes for a workload by the names of their implementations.
pub fn recipes(workload: &str) -> impl Iterator<Item = (&'static str, Make)> {
    let rows = IMPLEMENTATIONS.iter().filter(move |(name, ..)| *name == workload);
    rows.flat_map(|(_, names, make)| names.iter().map(|name| (*name, *make)))
}

/// Every GPU kernel as a class of `kernels/tuned/` builds it.
pub fn builds(class: &str) -> Vec<Build> {
    let builds = [
        gemm::gpu_builds(class),
        conv::gpu_builds(class),
        stream::gpu_builds(class),
        peak::gpu_builds(class),
        train::gpu_builds(class),
    ];
    builds.into_iter().flatten().collect()
}
