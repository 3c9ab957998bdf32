//! What recipes know of a device, and what it can hold.

use super::kernels::Kernels;
use super::recipe::{Recipe, Step};
use super::tunables;
use super::tuned::{Tuned, store};
use crate::backend::Task;
use crate::backend::tunable::{Finding, Tunable};
use crate::error::{Error, Result};
use crate::machine::DeviceEntry;
use crate::tensor::FENCE;
#[cfg(test)]
use crate::terms::DeviceKind;
use crate::terms::Format;

/// A device as recipes see it.
pub struct Target {
    /// Its facts.
    pub entry: DeviceEntry,
    /// The parameters of its kernels.
    pub tuned: Tuned,
    /// The texts of its kernels.
    pub kernels: &'static Kernels,
    /// Most work-items of a work-group.
    pub max_group_size: usize,
    /// Alignment of parts of a buffer, in elements of f32.
    pub base_alignment: usize,
}

impl Target {
    /// A device by its facts, with what is kept of its parameters.
    pub fn new(
        entry: DeviceEntry,
        kernels: &'static Kernels,
        max_group_size: usize,
        base_alignment: usize,
    ) -> Target {
        let tuned = Tuned::of_device(&entry, kernels);
        Target { entry, tuned, kernels, max_group_size, base_alignment }
    }

    /// A device of a class without what was found for it.
    #[cfg(test)]
    pub fn made_up(class: &str) -> Target {
        const KERNELS: Kernels = Kernels { programs: &[], tuned: &[] };
        let mut entry = DeviceEntry::new("opencl:0".into(), DeviceKind::Gpu, "device", "opencl");
        entry.class = class.to_string();
        (entry.compute_units, entry.local_memory_bytes) = (Some(8), Some(48 << 10));
        (entry.memory_bytes, entry.max_allocation_bytes) = (1 << 30, 1 << 28);
        let tuned = Tuned::of_class(class);
        Target { entry, tuned, kernels: &KERNELS, max_group_size: 1024, base_alignment: 32 }
    }

    /// What can be tuned.
    pub fn tunables(&self) -> Vec<Tunable> {
        tunables::tunables(&self.tuned, &self.entry, self.max_group_size)
    }

    /// Writes what a search found into the user's file of the device.
    pub fn keep(&self, tunable: &Tunable, finding: &Finding) -> Result<()> {
        store::keep(&self.entry, self.kernels, tunable, finding)
    }

    /// That the user should tune again, where what has changed since makes that of use.
    pub fn advice(&self) -> Option<String> {
        let change = self.tuned.change()?;
        let DeviceEntry { id, name, .. } = &self.entry;
        Some(format!(
            "{id} {name} was tuned for {}; run 'crossover tune --device {id}' again",
            change.words()
        ))
    }

    /// Compute units, at least one.
    pub fn units(&self) -> usize {
        self.entry.compute_units.unwrap_or(1) as usize
    }

    /// Bytes of local memory of a work-group; zero where the device has none.
    pub fn local_memory(&self) -> usize {
        self.entry.local_memory_bytes.unwrap_or(0) as usize
    }

    /// Whether the device can run a recipe and hold its tensors.
    pub fn check(&self, task: &Task<'_>, recipe: &Recipe) -> Result<()> {
        recipe.steps.iter().try_for_each(|step| self.check_step(step))?;
        let mut tensors = task.workload.inputs(task.shape);
        tensors.push(task.workload.output(task.shape));
        let own = recipe.scratch.iter().copied().chain(recipe.tables.iter().map(Vec::len));
        let own: Vec<usize> = own.collect();
        let in_bytes = |lengths: &[usize], format: Format| -> Vec<u64> {
            lengths.iter().map(|len| format.bytes() * *len as u64).collect()
        };
        // What lies between kernels is f32, and what they look up as long.
        let buffers = [in_bytes(&tensors, task.format()), in_bytes(&own, Format::F32)];
        self.check_memory(&buffers.concat())?;
        if tensors.iter().chain(&own).any(|len| *len >= 1 << 31) {
            let what = "the kernels index operands of less than 2^31 elements";
            return Err(Error::Unsupported(what.into()));
        }
        Ok(())
    }

    /// Whether work-groups of a kernel are within the device's limits.
    pub fn check_step<A>(&self, step: &Step<A>) -> Result<()> {
        let (items, most) = (step.launch.group_size(), self.max_group_size);
        if items > most {
            return Err(Error::Unsupported(format!(
                "needs work-groups of {items} items, the device allows {most}"
            )));
        }
        let (bytes, most) = (step.local_bytes, self.local_memory() as u64);
        if bytes > most {
            return Err(Error::Unsupported(format!(
                "needs {bytes} bytes of local memory, the device has {most}"
            )));
        }
        Ok(())
    }

    /// Whether buffers of these many bytes fit, one of them between fences.
    pub fn check_memory(&self, buffers: &[u64]) -> Result<()> {
        let unsupported = |what: String| Err(Error::Unsupported(what));
        // An output stands between fences, the first of them as long as the alignment asks. They are of its
        // own numbers, of f64 at most.
        let fences = Format::F64.bytes() * 2 * (FENCE + self.base_alignment) as u64;
        let largest = buffers.iter().copied().max().unwrap_or(0) + fences;
        let all = buffers.iter().sum::<u64>() + fences;
        if all > self.entry.memory_bytes {
            return unsupported(format!(
                "needs {all} bytes of the device's memory, it has {}",
                self.entry.memory_bytes
            ));
        }
        if largest > self.entry.max_allocation_bytes {
            return unsupported(format!(
                "needs a buffer of {largest} bytes, the device allows {}",
                self.entry.max_allocation_bytes
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::gpu::recipe::Launch;

    fn step(items: usize, local_bytes: u64) -> Step {
        Step {
            program: "program",
            kernel: "kernel",
            options: String::new(),
            arguments: Vec::new(),
            launch: Launch { global: [items, 1, 1], local: [items, 1, 1] },
            local_bytes,
        }
    }

    #[test]
    fn what_a_device_cant_hold_is_refused() {
        let target = Target::made_up("gpu");
        assert!(target.check_step(&step(1024, 48 << 10)).is_ok());
        assert!(target.check_step(&step(1025, 0)).is_err());
        assert!(target.check_step(&step(1, (48 << 10) + 1)).is_err());
        assert!(target.check_memory(&[1 << 22; 8]).is_ok());
        // One buffer too large, and buffers that are too large together.
        assert!(target.check_memory(&[1 << 28]).is_err());
        assert!(target.check_memory(&[1 << 27; 8]).is_err());
    }
}
