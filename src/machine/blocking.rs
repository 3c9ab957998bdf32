//! Whether the `gemm` crate can work with the caches that it believes in. It shares products out by what the
//! system tells of caches, unchecked: a level 4, or a second level that is too small for its kernel, makes it panic or
//! never return.

use std::sync::OnceLock;

use gemm_common::cache::{CACHE_INFO, CacheInfo};

use crate::panics::caught;

/// Depth of a block where the first cache has no say, and columns of the crate's widest kernel.
const DEPTH: usize = 512;
const COLUMNS: usize = 6;

/// Whether products by the `gemm` crate come to an end.
pub fn gemm_comes_to_an_end() -> bool {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| {
        // It panics while it reads some tables.
        caught(|| Ok(*CACHE_INFO)).is_ok_and(|caches| holds(&caches, kernel_bytes()))
    })
}

/// Bytes of the rows of the crate's kernel on this CPU.
fn kernel_bytes() -> usize {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512f") {
        return 256;
    }
    64
}

/// Whether caches hold the blocks of a kernel with so many bytes of rows: of a, a block of rows and depth; of b,
/// columns of f64 and as deep. The second cache leaves two of its ways to other things.
fn holds(caches: &[CacheInfo; 3], rows: usize) -> bool {
    let [first, second, third] = caches;
    let ways = |cache: &CacheInfo| cache.associativity.max(2);
    let line = first.cache_line_bytes.max(64);
    let first_bytes = first.cache_bytes.max(32 << 10);
    // The crate rounds the ways that a takes up to a power of two.
    let rounded = ways(first).div_ceil(rows / 64).next_power_of_two();
    let depth = DEPTH.max((first_bytes / ways(first) / 64).saturating_mul(rounded));
    let (a, b) = (rows * depth, COLUMNS * size_of::<f64>() * depth);
    let first_is_sound = line.is_power_of_two() && first_bytes >= line * ways(first);
    let second_ways = ways(second);
    let left = (second_ways - 2).saturating_mul(second.cache_bytes);
    let second_holds = left >= second_ways.saturating_mul(a + b);
    // Without a third level it takes other blocks.
    let third_ways = ways(third);
    let third_bytes = third.cache_bytes / third_ways * (third_ways - 1);
    first_is_sound && second_holds && (third.cache_bytes == 0 || third_bytes >= b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(levels: [(usize, usize); 3]) -> [CacheInfo; 3] {
        levels.map(|(kib, associativity)| CacheInfo {
            associativity,
            cache_bytes: kib << 10,
            cache_line_bytes: 64,
        })
    }

    #[test]
    fn caches_of_real_cpus_hold_the_blocks() {
        // Bytes that a core or a thread has: a server, a laptop, one without a third level.
        for levels in [[(32, 8), (1024, 8), (32 << 10, 16)], [(48, 12), (2048, 16), (0, 8)]] {
            assert!(holds(&table(levels), 256), "{levels:?}");
        }
        // 256 KiB shared by two threads.
        assert!(holds(&table([(32, 8), (128, 4), (8192, 16)]), 64));
    }

    #[test]
    fn tables_that_make_the_crate_panic_or_hang_are_refused() {
        for levels in [
            // 2 KiB, none, and 512 KiB shared by eight: no row of the kernel fits.
            [(32, 8), (2, 8), (32 << 10, 16)],
            [(32, 8), (0, 8), (32 << 10, 16)],
            [(32, 8), (64, 8), (32 << 10, 16)],
            // Two ways are taken, and the third level holds no columns.
            [(32, 8), (1024, 2), (32 << 10, 16)],
            [(32, 8), (1024, 8), (8, 16)],
            // More ways than the first level has lines.
            [(32, 4096), (1024, 8), (32 << 10, 16)],
        ] {
            assert!(!holds(&table(levels), 256), "{levels:?}");
        }
    }
}
