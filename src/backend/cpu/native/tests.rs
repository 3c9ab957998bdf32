//! Every set of instructions against plain loops, on small integers, where every order of sums is exact.

use super::kernel::Sizes;
use super::plan::Plan;
use super::*;
use crate::backend::cpu::simd::{Routine, Vector};

/// Lies before and behind every output.
const SENTINEL: f32 = 12345.0;
const FENCE: usize = 64;

fn pool(threads: usize) -> Pool {
    Pool::new(&vec![0; threads]).unwrap()
}

fn numbers(len: usize, seed: usize) -> Vec<f32> {
    (0..len).map(|i| ((i * 7 + seed + i / 13) % 17) as f32 - 8.0).collect()
}

/// Runs a product and compares all of c and the fences round it.
fn check(isa: Isa, pool: &Pool, p: Product) {
    let Product { m, n, k, ta, tb, .. } = p;
    let (a, b) = (numbers(m * k, 3), numbers(k * n, 5));
    let mut fenced = vec![SENTINEL; m * n + 2 * FENCE];
    fenced[FENCE..FENCE + m * n].fill(f32::NAN);
    multiply(isa, Some(pool), &p, (&a, &b), &mut fenced[FENCE..FENCE + m * n], None);

    let mut expected = vec![0.0; m * n];
    for i in 0..m {
        for q in 0..k {
            let x = a[if ta { q * m + i } else { i * k + q }];
            for j in 0..n {
                expected[i * n + j] += x * b[if tb { j * k + q } else { q * n + j }];
            }
        }
    }
    let (before, rest) = fenced.split_at(FENCE);
    let (c, behind) = rest.split_at(m * n);
    let wrong = c.iter().zip(&expected).position(|(got, want)| got != want);
    assert_eq!(wrong, None, "{isa:?} {p:?}");
    assert!(before.iter().chain(behind).all(|x| *x == SENTINEL), "{isa:?} {p:?}");
}

fn check_all_transposes(isa: Isa, pool: &Pool, (m, n, k): (usize, usize, usize)) {
    for (ta, tb) in [(false, false), (true, false), (false, true), (true, true)] {
        check(isa, pool, Product::dense([m, n, k], ta, tb));
    }
}

#[test]
fn sizes_round_every_tile_are_exact() {
    let pool = pool(1);
    for isa in Isa::available() {
        for m in [1, 2, 3, 4, 5, 6, 7, 11, 12, 13] {
            for n in [1, 7, 8, 9, 15, 16, 17, 31, 33, 47, 48, 49, 63, 64, 65, 127] {
                for k in [1, 2, 15, 16, 17] {
                    check_all_transposes(isa, &pool, (m, n, k));
                }
            }
        }
    }
}

#[test]
fn sizes_over_every_block_are_exact() {
    let two = pool(2);
    for isa in Isa::available() {
        // Several steps over k, the last of them odd; several blocks of columns; more rows than
        // are packed at a time.
        for size in [(7, 65, 2053), (5, 4099, 67), (197, 129, 259), (193, 66, 515), (1031, 3, 9)] {
            check_all_transposes(isa, &two, size);
        }
    }
}

#[test]
fn any_number_of_threads_is_exact() {
    for threads in [1, 2, 3, 16] {
        let pool = pool(threads);
        for isa in Isa::available() {
            for size in [(1, 1, 1), (130, 70, 40), (65, 200, 33), (23, 1, 300), (1, 300, 23)] {
                check_all_transposes(isa, &pool, size);
            }
        }
    }
}

/// The scratch is kept: what a large product left there must not show in a small one.
#[test]
fn one_product_leaves_nothing_to_the_next() {
    let pool = pool(2);
    for isa in Isa::available() {
        for size in [(100, 300, 300), (3, 5, 7), (50, 129, 31), (1, 1, 1), (100, 300, 300)] {
            check_all_transposes(isa, &pool, size);
        }
    }
}

#[test]
fn without_terms_c_is_zero() {
    for isa in Isa::available() {
        check_all_transposes(isa, &pool(1), (3, 4, 0));
        check_all_transposes(isa, &pool(1), (0, 4, 3));
    }
}

#[test]
fn plans_fit_the_cache_and_feed_every_thread() {
    struct Check;
    impl Routine for Check {
        #[inline(always)]
        unsafe fn run<V: Vector>(self) {
            for (m, n, k) in
                [(1, 1, 1), (256, 256, 256), (64, 3136, 576), (9, 9999, 9), (4096, 4096, 4096)]
            {
                for threads in [1, 2, 64] {
                    for ta in [false, true] {
                        let p = Product::dense([m, n, k], ta, false);
                        let Plan { kc, grid: (rows, columns) } = Plan::of::<V>(&p, threads);
                        let widest = n.div_ceil(V::NR).div_ceil(columns) * V::NR;
                        assert!(kc >= 1 && rows >= 1 && columns >= 1);
                        assert!(widest * kc <= V::PACKED_B, "{p:?}");
                        assert!(m * n < 1 << 20 || rows * columns >= threads, "{p:?}");
                    }
                }
            }
        }
    }
    for isa in Isa::available() {
        // SAFETY: it is available.
        unsafe { isa.run(Check) };
    }
}

/// Rows farther apart than they are long, sums on top of what is there, and a look at every finished
/// piece exactly once.
#[test]
fn parts_of_larger_matrices_are_exact() {
    let two = pool(2);
    for isa in Isa::available() {
        for (m, n, k) in [(1, 1, 1), (7, 65, 33), (33, 130, 129), (13, 70, 1100), (200, 17, 9)] {
            for (ta, tb, add) in [
                (false, false, true),
                (true, false, false),
                (false, true, true),
                (true, true, false),
            ] {
                let mut p = Product::dense([m, n, k], ta, tb);
                (p.lda, p.ldb, p.ldc, p.add) = (p.lda + 3, p.ldb + 5, n + 2, add);
                let (arows, brows) = (if ta { k } else { m }, if tb { n } else { k });
                let (a, b) = (numbers(arows * p.lda - 3, 3), numbers(brows * p.ldb - 5, 5));
                let start = numbers(m * p.ldc - 2, 9);
                let mut expected = start.clone();
                for i in 0..m {
                    for j in 0..n {
                        let at = i * p.ldc + j;
                        let sum: f32 = (0..k)
                            .map(|q| {
                                let x = a[if ta { q * p.lda + i } else { i * p.lda + q }];
                                x * b[if tb { j * p.ldb + q } else { q * p.ldb + j }]
                            })
                            .sum();
                        expected[at] = if add { expected[at] + sum } else { sum };
                    }
                }
                for pool in [None, Some(&two)] {
                    let mut c = start.clone();
                    multiply(isa, pool, &p, (&a, &b), &mut c, None);
                    assert_eq!(c, expected, "{isa:?} {p:?}");
                    let mut c = start.clone();
                    let finish = |i: usize, j: usize, piece: &mut [f32]| {
                        let numbers = piece.iter_mut().enumerate();
                        numbers.for_each(|(d, c)| *c = 2.0 * *c + (i + j + d) as f32);
                    };
                    multiply(isa, pool, &p, (&a, &b), &mut c, Some(&finish));
                    for (at, (found, plain)) in c.iter().zip(&expected).enumerate() {
                        let (i, j) = (at / p.ldc, at % p.ldc);
                        let want = if j < n { 2.0 * plain + (i + j) as f32 } else { *plain };
                        assert_eq!(*found, want, "{isa:?} {p:?} {i} {j}");
                    }
                }
            }
        }
    }
}
