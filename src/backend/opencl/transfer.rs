//! `transfer-h2d` and `transfer-d2h` on OpenCL: an array between host memory and the device.
//!
//! | implementation | a run |
//! | --- | --- |
//! | `write`, `read` | one call, with pageable memory |
//! | `write-pinned`, `read-pinned` | one call, with memory that the driver allocated for it |
//! | `write-mapped`, `read-mapped` | buffer mapped, copied to or from pageable memory, unmapped |
//!
//! To map a buffer moves nothing where the device shares the host's memory. The copy is part of the
//! run, so that the data always get to or from the user's own memory.

use std::ops::{Deref, DerefMut};

use ocl::core::{self, Event, MapFlags, MemFlags, MemMap};

use super::buffer::{Buffer, FencedBuffer};
use super::device::OpenClDevice;
use crate::backend::{Details, Mappable, Runner, Task};
use crate::error::Result;
use crate::tensor::{Element, FENCE, Operands, Tensor, Values, fence, fenced};
use crate::terms::{Format, Scope};

/// Every implementation of `transfer-h2d`.
pub const WRITES: [&str; 3] = ["write", "write-pinned", "write-mapped"];

/// Every implementation of `transfer-d2h`.
pub const READS: [&str; 3] = ["read", "read-pinned", "read-mapped"];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Direction {
    ToDevice,
    ToHost,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Pageable,
    Pinned,
    Mapped,
}

/// What the two words of an implementation's name say.
fn way_of(implementation: &str) -> (Direction, Way) {
    let (call, memory) = implementation.split_once('-').unwrap_or((implementation, ""));
    let direction = if call == "write" { Direction::ToDevice } else { Direction::ToHost };
    let way = match memory {
        "pinned" => Way::Pinned,
        "mapped" => Way::Mapped,
        _ => Way::Pageable,
    };
    (direction, way)
}

/// An array here and its place there, both between fences.
struct TransferRunner<'a> {
    device: &'a OpenClDevice,
    direction: Direction,
    way: Way,
    on_device: FencedBuffer,
    on_host: Box<dyn DerefMut<Target = [f32]> + 'a>,
    /// The array as it was loaded; none before the first is.
    operands: Operands,
    /// What is on the device, while it is looked at.
    copy: Tensor,
}

/// One of `WRITES` or `READS`.
pub fn transfer<'a>(device: &'a OpenClDevice, task: &Task<'_>) -> Result<Box<dyn Runner + 'a>> {
    let (direction, way) = way_of(task.implementation);
    let length = task.workload.output(task.shape);
    // The driver may take pinned memory from the device's.
    let buffers = if way == Way::Pinned { 2 } else { 1 };
    device.target.check_memory(&[4 * length as u64; 2][..buffers])?;
    let on_host: Box<dyn DerefMut<Target = [f32]> + 'a> = match way {
        Way::Pinned => Box::new(Pinned::new(device, &fenced(length))?),
        Way::Pageable | Way::Mapped => Box::new(fenced(length)),
    };
    let on_device = FencedBuffer::new(device, length)?;
    let copy =
        Tensor::fenced(Format::F32, if direction == Direction::ToDevice { length } else { 0 });
    let operands = Operands::from(Vec::new());
    Ok(Box::new(TransferRunner { device, direction, way, on_device, on_host, operands, copy }))
}

/// What stands between the fences.
fn between_fences(array: &mut [f32]) -> &mut [f32] {
    let end = array.len() - FENCE;
    &mut array[FENCE..end]
}

impl Runner for TransferRunner<'_> {
    fn load(&mut self, operands: &Operands) -> Result<()> {
        self.operands = operands.clone();
        let array = operands[0].f32s();
        match self.direction {
            Direction::ToDevice => between_fences(&mut self.on_host).copy_from_slice(array),
            Direction::ToHost => self.on_device.part.write_now(self.device, array)?,
        }
        Ok(())
    }

    fn poison(&mut self, _: Scope) -> Result<()> {
        match self.direction {
            Direction::ToDevice => {
                self.copy.fence();
                self.on_device.write_fenced(self.device, &self.copy)
            }
            Direction::ToHost => {
                fence(&mut self.on_host);
                Ok(())
            }
        }
    }

    fn run(&mut self, _: Scope) -> Result<()> {
        let (device, buffer) = (self.device, &self.on_device.part);
        let array = between_fences(&mut self.on_host);
        match (self.direction, self.way) {
            (Direction::ToDevice, Way::Mapped) => {
                let flags = MapFlags::WRITE_INVALIDATE_REGION;
                with_mapped(device, buffer, flags, |mapped| mapped.copy_from_slice(array))
            }
            (Direction::ToHost, Way::Mapped) => {
                with_mapped(device, buffer, MapFlags::READ, |mapped| array.copy_from_slice(mapped))
            }
            (Direction::ToDevice, Way::Pageable | Way::Pinned) => buffer.write_now(device, array),
            (Direction::ToHost, Way::Pageable | Way::Pinned) => buffer.read_now(device, array),
        }
    }

    fn overwritten(&mut self) -> Result<Option<usize>> {
        let loaded = self.operands[0].view();
        let is_kept = match self.direction {
            Direction::ToDevice => loaded.is_same(f32::view(between_fences(&mut self.on_host))),
            Direction::ToHost => self.on_device.part.holds(self.device, loaded)?,
        };
        Ok((!is_kept).then_some(0))
    }

    fn output(&mut self, _: Scope) -> Result<Values<'_>> {
        match self.direction {
            Direction::ToDevice => {
                self.on_device.read_fenced(self.device, &mut self.copy)?;
                Ok(self.copy.view())
            }
            Direction::ToHost => Ok(f32::view(&self.on_host)),
        }
    }

    fn details(&self) -> Details {
        Details::default()
    }
}

/// Host memory that the driver allocated, mapped for as long as it lives: where a device reads and
/// writes the host's memory itself, it does so without a copy in between.
struct Pinned<'a> {
    device: &'a OpenClDevice,
    buffer: Buffer,
    map: MemMap<f32>,
}

impl<'a> Pinned<'a> {
    fn new(device: &'a OpenClDevice, content: &[f32]) -> Result<Pinned<'a>> {
        let flags = MemFlags::READ_WRITE | MemFlags::ALLOC_HOST_PTR;
        let buffer = Buffer::with_flags(device, Format::F32, content.len(), flags)?;
        let map = map(device, &buffer, MapFlags::READ | MapFlags::WRITE)?;
        let mut pinned = Pinned { device, buffer, map };
        pinned.copy_from_slice(content);
        Ok(pinned)
    }
}

impl Deref for Pinned<'_> {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // SAFETY: the mapping has the buffer's length, any bits are an f32, and it is there to read
        // until `drop` ends it. No kernel and no transfer works on the buffer behind it.
        unsafe { self.map.as_slice(self.buffer.len) }
    }
}

impl DerefMut for Pinned<'_> {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as in `deref`; it is there to write too, and `self` is borrowed for it alone.
        unsafe { self.map.as_slice_mut(self.buffer.len) }
    }
}

impl Drop for Pinned<'_> {
    fn drop(&mut self) {
        // There is nobody to tell, and the buffer is released next.
        let _ = unmap(self.device, &self.buffer, &self.map);
    }
}

/// Maps a buffer, lets `work` have it and unmaps it. It returns when the device has what it needs.
pub fn with_mapped(
    device: &OpenClDevice,
    buffer: &Buffer,
    flags: MapFlags,
    work: impl FnOnce(&mut [f32]),
) -> Result<()> {
    let mut map = map(device, buffer, flags)?;
    // SAFETY: the mapping has the buffer's length, any bits are an f32, and nothing else refers to
    // it. The callers write only what they mapped to write, and `work` cannot keep the slice.
    work(unsafe { map.as_slice_mut(buffer.len) });
    unmap(device, buffer, &map)
}

fn map(device: &OpenClDevice, buffer: &Buffer, flags: MapFlags) -> Result<MemMap<f32>> {
    // SAFETY: the call blocks, so the mapping is complete when it returns, and it has the length of
    // the buffer, which the callers keep for as long as they use it.
    let mapped = unsafe {
        let (queue, mem, len) = (&device.queue, &buffer.mem, buffer.len);
        let (none, no_event) = (None::<&Event>, None::<&mut Event>);
        core::enqueue_map_buffer(queue, mem, true, flags, 0, len, none, no_event)
    };
    mapped.map_err(device.refused("mapping a buffer"))
}

fn unmap(device: &OpenClDevice, buffer: &Buffer, map: &MemMap<f32>) -> Result<()> {
    let (none, no_event) = (None::<&Event>, None::<&mut Event>);
    core::enqueue_unmap_mem_object(&device.queue, &buffer.mem, map, none, no_event)
        .map_err(device.refused("unmapping a buffer"))?;
    core::finish(&device.queue).map_err(device.refused("unmapping a buffer"))
}

/// A buffer that is written and mapped as a whole, to see whether mapping moves anything.
pub struct Mapped<'a> {
    device: &'a OpenClDevice,
    buffer: Buffer,
    data: Vec<f32>,
}

/// Its floats.
const LENGTH: usize = (64 << 20) / 4;

impl<'a> Mapped<'a> {
    /// Allocates it.
    pub fn new(device: &'a OpenClDevice) -> Result<Mapped<'a>> {
        let buffer = Buffer::new(device, LENGTH)?;
        Ok(Mapped { device, buffer, data: vec![1.0; LENGTH] })
    }
}

impl Mappable for Mapped<'_> {
    fn write(&self) -> Result<()> {
        self.buffer.write_now(self.device, &self.data)
    }

    fn map(&self) -> Result<()> {
        with_mapped(self.device, &self.buffer, MapFlags::READ, |_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_says_its_way() {
        let ways = [Way::Pageable, Way::Pinned, Way::Mapped];
        assert_eq!(WRITES.map(way_of), ways.map(|way| (Direction::ToDevice, way)));
        assert_eq!(READS.map(way_of), ways.map(|way| (Direction::ToHost, way)));
    }
}
