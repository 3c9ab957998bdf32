//! What any API for GPUs can use: recipes of kernels, their tuned parameters, the geometry of their tiles.

pub mod conv;
pub mod gemm;
pub mod peak;
pub mod recipe;
pub mod stream;
pub mod tuned;
