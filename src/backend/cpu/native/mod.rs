//! Native.
pub mod blocking;
pub mod kernel;
pub mod kernel_avx512;
mod pack;
use super::Pool;
use crate::workload::Shape;
/// tbd
pub fn gemm(pool: &Pool, shape: &Shape, inputs: &[Vec<f32>], c: &mut [f32]) {
    let p = blocking::Product {
        m: shape.size("m"), n: shape.size("n"), k: shape.size("k"),
        ta: shape.get("ta") == 1, tb: shape.get("tb") == 1,
    };
    assert_eq!(inputs[0].len(), p.m * p.k);
    assert_eq!(inputs[1].len(), p.k * p.n);
    assert_eq!(c.len(), p.m * p.n);
    blocking::multiply::<kernel_avx512::Avx512>(pool, p, &inputs[0], &inputs[1], c);
}
