//! Products of many matrices, one after the other in memory: each thread computes its share of them alone, and all
//! together what is left over.

use super::Pool;
use super::share::{Each, even_part};
use crate::terms::Shape;

/// Calls `one` for each product of a shape of `gemm`, with its operands and its result, and with the pool where its
/// threads compute it together.
pub fn each_product<T: Send + Sync>(
    pool: &Pool,
    shape: &Shape,
    inputs: &[&[T]],
    c: &mut [T],
    one: impl Fn(Option<&Pool>, [&[T]; 2], &mut [T]) + Sync,
) {
    let (batch, threads) = (shape.size("batch"), pool.threads());
    let alone = if batch == 1 { 0 } else { batch - batch % threads };
    let length = c.len() / batch;
    let operands = |z: usize| {
        [0, 1].map(|i| {
            let length = inputs[i].len() / batch;
            &inputs[i][z * length..][..length]
        })
    };
    let (own, together) = c.split_at_mut(alone * length);
    if alone > 0 {
        let own = Each::new(own);
        pool.each(threads, |task| {
            for z in even_part(alone, threads, task) {
                // SAFETY: tasks have different products.
                one(None, operands(z), unsafe { own.part(z * length, length) });
            }
        });
    }
    for (z, c) in (alone..).zip(together.chunks_exact_mut(length)) {
        one(Some(pool), operands(z), c);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload;

    #[test]
    fn every_product_is_computed_once() {
        let gemm = workload::find("gemm").unwrap();
        for threads in [1, 2, 3] {
            let pool = Pool::new(&vec![0; threads]).unwrap();
            for batch in [1, 2, 3, 7] {
                let shape = gemm.shape(&format!("m=1,n=1,k=2,batch={batch}")).unwrap();
                let a: Vec<u32> = (0..2 * batch).collect();
                let mut c = vec![0; batch as usize];
                each_product(&pool, &shape, &[&a, &a], &mut c, |shared, [a, b], c| {
                    assert_eq!((a, a.len(), c.len()), (b, 2, 1));
                    assert!(batch > 1 || shared.is_some());
                    c[0] += 1 + a[0] / 2;
                });
                assert_eq!(c, (1..=batch).collect::<Vec<_>>(), "{threads} threads");
            }
        }
    }
}
