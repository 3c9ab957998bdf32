//! How large a buffer empties a cache.

use crate::error::{Error, Result};
use crate::machine;

/// It has so many bytes where caches are small or not known; and so many still where memory is short.
const USUAL_BYTES: u64 = 256 << 20;
const LEAST_BYTES: u64 = 64 << 20;

/// Bytes that take the place of what a cache of so many holds. `fitting` says how many of those that are wanted
/// there is room for, or why not even the least.
pub fn buffer_bytes(cache: u64, fitting: impl Fn(u64, u64) -> Result<u64>) -> Result<u64> {
    let (wanted, least) = machine::beyond_cache(cache, USUAL_BYTES);
    fitting(wanted, least.max(LEAST_BYTES)).map_err(|why| match why {
        Error::Skipped(why) => Error::Skipped(format!("to empty the caches {why}")),
        other => other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn a_buffer_is_larger_than_the_cache_or_there_is_none() {
        let bytes = |cache: u64, room: u64| {
            let fitting = |wanted: u64, least: u64| match least <= room {
                true => Ok(wanted.min(room)),
                false => Err(Error::Skipped(format!("needs {least}"))),
            };
            buffer_bytes(cache * MIB, fitting).map(|bytes| bytes / MIB)
        };
        let plenty = 1 << 40;
        assert_eq!(bytes(32, plenty).unwrap(), 256);
        assert_eq!(bytes(300, plenty).unwrap(), 1024);
        assert_eq!(bytes(300, 700 * MIB).unwrap(), 700);
        let error = bytes(300, 599 * MIB).unwrap_err();
        assert!(matches!(&error, Error::Skipped(_)), "{error:?}");
        assert_eq!(error.to_string(), format!("to empty the caches needs {}", 600 * MIB));
        assert!(bytes(u64::MAX / MIB, plenty).is_err());
    }
}
