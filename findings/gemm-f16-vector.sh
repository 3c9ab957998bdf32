#!/bin/sh
# 4,096 ones times 4,096 ones is 2,048 in f16 for a matrix of one row, and 4,096 for one of two rows.
#
# Guess: the crate gemm has no instruction for f16 on x86, so it widens to f32, sums there and rounds the result once.
# Seen:  so it does where the product has two rows and columns or more, if only within a block of depth: between blocks
#        the sums are kept in f16, and 2048 + 8191/1024 comes out as 2048 instead of 2056. A row times a row-major matrix,
#        which is how a network with a batch of one multiplies, goes another way that rounds the whole output to f16
#        after every single term. A column times the same matrix (a dot product a row) does not.
# With:  gemm 0.19.0, Rust 1.95, 2026-11-30.

. "$(dirname "$0")/common.sh"
grep -qsw f16c /proc/cpuinfo || not_applicable "the CPU has no F16C"
crate gemm=0.19.0

cat >crate/src/main.rs <<'END'
use gemm::{Parallelism, f16, gemm};

/// The first element of the row-major product of `a`, repeated in `m` rows, and of ones in `n` columns.
fn product(m: usize, n: usize, a: &[f16]) -> f16 {
    let k = a.len();
    let (a, b) = (a.repeat(m), vec![f16::ONE; k * n]);
    let mut c = vec![f16::ZERO; m * n];
    let (n_stride, k_stride) = (n as isize, k as isize);
    // SAFETY: strides are those of row-major matrices of m x n, m x k and k x n elements, which is what the vectors hold.
    unsafe {
        gemm(
            m, n, k, c.as_mut_ptr(), 1, n_stride, false, a.as_ptr(), 1, k_stride, b.as_ptr(), 1, n_stride,
            f16::ZERO, f16::ONE, false, false, false, Parallelism::None,
        );
    }
    c[0]
}

fn main() {
    let ones = vec![f16::ONE; 4096];
    for (m, n) in [(1, 64), (2, 64), (64, 1), (64, 64)] {
        println!("{m} x 4096 times 4096 x {n}, all ones: {}", product(m, n, &ones));
    }
    let mut long = vec![f16::from_f32(1.0 / 1024.0); 8192];
    long[0] = f16::from_f32(2048.0);
    println!("64 x 8192 times 8192 x 64, 2048 and 8191/1024: {}", product(64, 64, &long));
}
END
(cd crate && cargo run --quiet --release) >seen || not_applicable "the program cannot be built or run"
cat seen
grep -q '^1 x 4096 times 4096 x 64, all ones: 2048$' seen || changed "one row was summed in f16"
grep -q '^2 x 4096 times 4096 x 64, all ones: 4096$' seen || changed "two rows were summed in f32"
grep -q '^64 x 4096 times 4096 x 1, all ones: 4096$' seen || changed "one column was summed in f32"
grep -q '2048 and 8191/1024: 2048$' seen || changed "blocks of depth were added in f16"
