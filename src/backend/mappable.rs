//! What only some devices can do: buffers that the host maps.

use crate::error::Result;

/// A buffer of a device that the host can map into its own memory.
pub trait Mappable {
    /// Writes the whole buffer from memory of the host's. Blocking.
    fn write(&self) -> Result<()>;

    /// Maps the whole buffer for reading, and unmaps it. Blocking.
    fn map(&self) -> Result<()>;
}
