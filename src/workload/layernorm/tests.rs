use super::*;
use crate::tensor::Tensor;
use crate::terms::Dtype;
use crate::workload::{Bounded, Workload};

fn bounds(x: Vec<f32>) -> Bounds {
    let shape = LayerNorm.shape(&format!("rows=1,columns={}", x.len())).unwrap();
    let (gamma, beta) = (vec![2.0; x.len()], vec![10.0; x.len()]);
    let inputs = [x, gamma, beta].map(Tensor::from);
    LayerNorm.bounds(&shape, &inputs, Dtype::F32.formats(), 0..1)
}

#[test]
fn a_row_by_hand() {
    // Mean 2, variance 1.
    let found = bounds(vec![1.0, 3.0]);
    let scale = 2.0 / (1.0 + EPS).sqrt();
    assert!((found.value[0] - (10.0 - scale)).abs() < 1e-15);
    assert!((found.value[1] - (10.0 + scale)).abs() < 1e-15);
    assert!(found.error.iter().all(|e| *e < 1e-5 && *e > 1e-6), "{:?}", found.error);
    // Without variance what is left is beta, with an error that eps keeps finite.
    let level = bounds(vec![0.5; 4]);
    assert_eq!(level.value, [10.0; 4]);
    assert!(level.error.iter().all(|e| *e < 1e-3), "{:?}", level.error);
}

#[test]
fn a_large_mean_widens_the_bound() {
    let [near, far] = [2.0, 4096.0].map(|mean| bounds(vec![mean - 1.0, mean + 1.0]));
    assert!(far.error[0] > 100.0 * near.error[0]);
    assert!(far.magnitude[0] > 100.0 * near.magnitude[0]);
}

#[test]
fn work_is_counted_by_the_element() {
    let shape = LayerNorm.shape("rows=10,columns=100").unwrap();
    let work = LayerNorm.work(&shape);
    assert_eq!((work.flop_count, work.elements_moved), (7000, 2200));
}
