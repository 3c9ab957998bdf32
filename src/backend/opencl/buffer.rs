//! Memory of a device.

use ocl::core::{self, BufferRegion, Event, Mem, MemFlags};

use super::device::OpenClDevice;
use crate::error::Result;
use crate::tensor::{
    self, Element, FENCE, Tensor, Values, with_element, with_values, with_values_mut,
};
use crate::terms::Format;

/// Numbers that are written or read at once where all of them need not be in memory.
const PART: usize = 1 << 18;

/// A device buffer of `len` numbers of one format.
pub struct Buffer {
    /// The driver's handle.
    pub mem: Mem,
    /// How many numbers.
    pub len: usize,
    /// Their format.
    pub format: Format,
}

/// An output between two fences: a part of a larger buffer, aligned as the device asks.
pub struct FencedBuffer {
    whole: Buffer,
    /// What lies between the fences.
    pub part: Buffer,
    /// Where the part begins in the whole.
    start: usize,
}

/// Ints that a device only reads.
pub struct Table {
    /// The driver's handle.
    pub mem: Mem,
    /// How many ints.
    pub len: usize,
}

impl Table {
    /// Uploads them.
    pub fn new(device: &OpenClDevice, data: &[i32]) -> Result<Table> {
        let flags = MemFlags::READ_ONLY | MemFlags::COPY_HOST_PTR;
        // SAFETY: no host pointer is kept: COPY_HOST_PTR copies before the call returns.
        let mem = unsafe { core::create_buffer(&device.context, flags, data.len(), Some(data)) };
        let mem = mem.map_err(device.refused("allocating a table"))?;
        Ok(Table { mem, len: data.len() })
    }
}

impl Buffer {
    /// Of f32, for kernels to read and write.
    pub fn new(device: &OpenClDevice, len: usize) -> Result<Buffer> {
        Buffer::of(device, Format::F32, len)
    }

    /// For kernels to read and write.
    pub fn of(device: &OpenClDevice, format: Format, len: usize) -> Result<Buffer> {
        Buffer::with_flags(device, format, len, MemFlags::READ_WRITE)
    }

    /// The flags name no memory of the host's.
    pub fn with_flags(
        device: &OpenClDevice,
        format: Format,
        len: usize,
        flags: MemFlags,
    ) -> Result<Buffer> {
        let bytes = len * format.bytes() as usize;
        // SAFETY: no host pointer is passed, so none can outlive its memory.
        let mem = unsafe { core::create_buffer(&device.context, flags, bytes, None::<&[u8]>) };
        let mem = mem.map_err(device.refused("allocating a buffer"))?;
        Ok(Buffer { mem, len, format })
    }

    /// So many of its numbers from `start` on, which is aligned as the device asks.
    pub fn part(&self, device: &OpenClDevice, start: usize, len: usize) -> Result<Buffer> {
        let bytes = self.format.bytes() as usize;
        let region = BufferRegion::<u8>::new(start * bytes, len * bytes);
        let mem = core::create_sub_buffer(&self.mem, MemFlags::READ_WRITE, &region)
            .map_err(device.refused("dividing a buffer"))?;
        Ok(Buffer { mem, len, format: self.format })
    }

    /// Enqueues a write of the whole buffer. Without `blocking` the caller keeps `data` alive and
    /// unchanged until the queue has finished.
    ///
    /// # Safety
    ///
    /// See above.
    pub unsafe fn write<T: Element>(
        &self,
        device: &OpenClDevice,
        data: &[T],
        blocking: bool,
    ) -> Result<()> {
        assert_eq!(data.len(), self.len);
        // SAFETY: alive until the write is done, as the caller promises.
        unsafe { self.write_part(device, 0, data, blocking) }
    }

    /// Enqueues a write of a part of the buffer, from element `start` on.
    ///
    /// # Safety
    ///
    /// As of [`Buffer::write`].
    unsafe fn write_part<T: Element>(
        &self,
        device: &OpenClDevice,
        start: usize,
        data: &[T],
        blocking: bool,
    ) -> Result<()> {
        assert!(start + data.len() <= self.len && T::FORMAT == self.format);
        let (queue, data) = (&device.queue, tensor::bytes(data));
        let (none, no_event) = (None::<&Event>, None::<&mut Event>);
        let at = start * size_of::<T>();
        // SAFETY: within the buffer, and alive until the write is done, as the caller promises.
        let status = unsafe {
            core::enqueue_write_buffer(queue, &self.mem, blocking, at, data, none, no_event)
        };
        status.map_err(device.refused("writing an operand"))
    }

    /// Writes a part of the buffer, from element `start` on; the data are there when it returns.
    fn write_part_now<T: Element>(
        &self,
        device: &OpenClDevice,
        start: usize,
        data: &[T],
    ) -> Result<()> {
        // SAFETY: the write blocks, so it ends before the borrow of `data`.
        unsafe { self.write_part(device, start, data, true)? };
        // A blocking write has taken the data from here; it need not have brought them there.
        core::finish(&device.queue).map_err(device.refused("writing an operand"))
    }

    /// Writes the whole buffer; the data are there when it returns.
    pub fn write_now<T: Element>(&self, device: &OpenClDevice, data: &[T]) -> Result<()> {
        assert_eq!(data.len(), self.len);
        self.write_part_now(device, 0, data)
    }

    /// Fills the whole buffer with poison, by writes as operands have them.
    pub fn poison(&self, device: &OpenClDevice) -> Result<()> {
        with_element!(self.format, T => {
            let part = vec![T::POISON; self.len.min(PART)];
            (0..self.len).step_by(PART).try_for_each(|start| {
                self.write_part_now(device, start, &part[..part.len().min(self.len - start)])
            })
        })
    }

    /// Whether the buffer holds what was loaded.
    pub fn holds(&self, device: &OpenClDevice, loaded: Values<'_>) -> Result<bool> {
        let mut part = Tensor::zeros(self.format, self.len.min(PART));
        for start in (0..self.len).step_by(PART) {
            let len = PART.min(self.len - start);
            with_values_mut!(&mut part, part => {
                // SAFETY: the read blocks, so it ends before the borrow of `part`.
                unsafe { self.read_part(device, start, &mut part[..len], true) }
            })?;
            if !loaded.slice(start..start + len).is_same(part.view().slice(0..len)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Enqueues a read of the whole buffer. Without `blocking` the caller keeps `data` alive and
    /// untouched until the queue has finished.
    ///
    /// # Safety
    ///
    /// See above.
    pub unsafe fn read<T: Element>(
        &self,
        device: &OpenClDevice,
        data: &mut [T],
        blocking: bool,
    ) -> Result<()> {
        assert_eq!(data.len(), self.len);
        // SAFETY: alive until the read is done, as the caller promises.
        unsafe { self.read_part(device, 0, data, blocking) }
    }

    /// Enqueues a read of a part of the buffer, from element `start` on.
    ///
    /// # Safety
    ///
    /// As of [`Buffer::read`].
    unsafe fn read_part<T: Element>(
        &self,
        device: &OpenClDevice,
        start: usize,
        data: &mut [T],
        blocking: bool,
    ) -> Result<()> {
        assert!(start + data.len() <= self.len && T::FORMAT == self.format);
        let (queue, data) = (&device.queue, tensor::bytes_mut(data));
        let (none, no_event) = (None::<&Event>, None::<&mut Event>);
        let at = start * size_of::<T>();
        // SAFETY: within the buffer, and alive until the read is done, as the caller promises.
        let status = unsafe {
            core::enqueue_read_buffer(queue, &self.mem, blocking, at, data, none, no_event)
        };
        status.map_err(device.refused("reading a buffer"))
    }

    /// Reads the whole buffer.
    pub fn read_now<T: Element>(&self, device: &OpenClDevice, data: &mut [T]) -> Result<()> {
        // SAFETY: the read blocks, so it ends before the borrow of `data`.
        unsafe { self.read(device, data, true) }
    }

    /// What a buffer of f32 holds.
    pub fn to_vec(&self, device: &OpenClDevice) -> Result<Vec<f32>> {
        let mut data = vec![0.0; self.len];
        self.read_now(device, &mut data)?;
        Ok(data)
    }
}

impl FencedBuffer {
    /// Of f32; what it holds is open.
    pub fn new(device: &OpenClDevice, len: usize) -> Result<FencedBuffer> {
        FencedBuffer::of(device, Format::F32, len)
    }

    /// Allocates; what it holds is open.
    pub fn of(device: &OpenClDevice, format: Format, len: usize) -> Result<FencedBuffer> {
        // The alignment counts f32: enough for anything shorter, and more than that for f64.
        let start = FENCE.next_multiple_of(device.target.base_alignment * 2);
        let whole = Buffer::of(device, format, start + len + FENCE)?;
        let part = whole.part(device, start, len)?;
        Ok(FencedBuffer { whole, part, start })
    }

    /// Poison between fences, as `fenced` holds it.
    pub fn write_fenced(&self, device: &OpenClDevice, fenced: &Tensor) -> Result<()> {
        let start = self.start - FENCE;
        with_values!(fenced, values => self.whole.write_part_now(device, start, values))
    }

    /// Reads the output with the fences next to it.
    pub fn read_fenced(&self, device: &OpenClDevice, fenced: &mut Tensor) -> Result<()> {
        let start = self.start - FENCE;
        // SAFETY: the read blocks, so it ends before the borrow of `fenced`.
        with_values_mut!(fenced, values => unsafe {
            self.whole.read_part(device, start, values, true)
        })
    }
}
