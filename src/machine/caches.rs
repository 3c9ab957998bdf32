//! The CPU's caches, as Linux tells.

use std::fs;

use serde::{Deserialize, Serialize};

/// One level of data cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheLevel {
    /// 1, 2, 3.
    pub level: u32,
    /// Bytes of one such cache.
    pub bytes: u64,
    /// Logical processors that share one.
    pub shared_by: usize,
}

/// Data caches of the first processor of `cores`, the smallest first; empty where the system does not say.
pub fn caches(cores: &[usize]) -> Vec<CacheLevel> {
    let core = cores.first().copied().unwrap_or(0);
    let folder = format!("/sys/devices/system/cpu/cpu{core}/cache");
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let level = |folder: std::path::PathBuf| {
        let read = |name: &str| super::state::read(folder.join(name));
        if read("type")? == "Instruction" {
            return None;
        }
        Some(CacheLevel {
            level: read("level")?.parse().ok()?,
            bytes: bytes(&read("size")?)?,
            shared_by: super::cores::core_list(&read("shared_cpu_list")?).len(),
        })
    };
    let mut caches: Vec<CacheLevel> = entries.filter_map(|e| level(e.path())).collect();
    caches.sort_by_key(|cache| cache.level);
    caches
}

/// Bytes of the last level of cache of the first processor; zero where the system does not say.
pub fn last_cache_bytes() -> u64 {
    caches(&[]).last().map_or(0, |cache| cache.bytes)
}

/// Bytes that the caches of a level hold together, as far as threads on `cores` reach them.
pub fn reached_bytes(cache: &CacheLevel, cores: usize) -> u64 {
    cache.bytes.saturating_mul(cores.div_ceil(cache.shared_by.max(1)) as u64)
}

/// A working set of so many times a cache lies beyond it, and where memory is short still one of so many.
const TIMES_CACHE: u64 = 4;
const LEAST_TIMES_CACHE: u64 = 2;

/// More than this is not taken for the sake of `TIMES_CACHE`: a virtual machine may be told the cache of its host.
const MOST_BYTES: u64 = 1 << 30;

/// Bytes that lie beyond a cache of so many: as many as are wanted, `usual` at least, and the least.
pub fn beyond_cache(cache: u64, usual: u64) -> (u64, u64) {
    let least = cache.saturating_mul(LEAST_TIMES_CACHE);
    (cache.saturating_mul(TIMES_CACHE).clamp(usual, MOST_BYTES.max(usual)).max(least), least)
}

/// Reads `48K`, `32768K`, `1M`.
fn bytes(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match &text[digits.len()..] {
        "" => 1,
        "K" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        for (text, size) in [("48K", Some(48 << 10)), ("1M", Some(1 << 20)), ("x", None)] {
            assert_eq!(bytes(text), size);
        }
        let caches = caches(&[0]);
        assert!(caches.is_sorted_by_key(|c| c.bytes), "{caches:?}");
    }

    #[test]
    fn what_lies_beyond_a_cache_is_more_than_it_holds_and_little_else() {
        let beyond = |cache: u64| beyond_cache(cache << 20, 128 << 20);
        assert_eq!(beyond(0), (128 << 20, 0));
        assert_eq!(beyond(32), (128 << 20, 64 << 20));
        assert_eq!(beyond(100), (400 << 20, 200 << 20));
        assert_eq!(beyond(300), (1 << 30, 600 << 20));
        assert_eq!(beyond(1 << 10), (2 << 30, 2 << 30));
        assert_eq!(beyond_cache(u64::MAX, 1), (u64::MAX, u64::MAX));
    }

    #[test]
    fn private_caches_add_up() {
        let cache = CacheLevel { level: 2, bytes: 1 << 20, shared_by: 1 };
        assert_eq!(reached_bytes(&cache, 4), 4 << 20);
        let shared = CacheLevel { level: 3, bytes: 32 << 20, shared_by: 8 };
        assert_eq!(reached_bytes(&shared, 4), 32 << 20);
        assert_eq!(reached_bytes(&shared, 16), 64 << 20);
    }
}
