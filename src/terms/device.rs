//! What devices are called: their kinds and their ids.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::word::words;

words! {
    /// What kind of device it is. An OpenCL device that is a CPU stays `cpu`.
    #[derive(Default)]
    pub enum DeviceKind {
        /// A CPU, whoever drives it.
        #[default]
        Cpu = "cpu",
        /// A GPU.
        Gpu = "gpu",
        /// Anything else.
        Accelerator = "accelerator",
    }
}

/// The CPU path's only device and the prefix of its backend.
const CPU: &str = "cpu";
/// What contenders call the OpenCL devices that they drive, `opencl-N`, begins like our own ids.
const OPENCL: &str = "opencl";
const CONTENDER: &str = "contender";
const RACE: &str = "race:gpu";

/// The id of a device: `cpu`, `opencl:N` (counted over all platforms) or `contender:NAME:ID`, where ID
/// is what the program calls it; in a race `race:gpu`. An id that a file holds is kept as it is, whoever wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeviceId(String);

impl DeviceId {
    /// The CPU path.
    pub fn cpu() -> DeviceId {
        DeviceId(CPU.to_string())
    }

    /// A backend's device by its number: `opencl:0`.
    pub fn numbered(backend: &str, number: usize) -> DeviceId {
        DeviceId(format!("{backend}:{number}"))
    }

    /// A device of another program by the name that the program gives it.
    pub fn contender(program: &str, own: &str) -> DeviceId {
        DeviceId(format!("{CONTENDER}:{program}:{own}"))
    }

    /// The GPU of a race between two programs of the user's, which alone know what they run on.
    pub fn race() -> DeviceId {
        DeviceId(RACE.to_string())
    }

    /// As it stands in files and on the command line.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The prefix that names the backend, `opencl` of `opencl:0`.
    pub fn backend(&self) -> &str {
        self.0.split(':').next().unwrap_or_default()
    }

    /// Whether it is the CPU path.
    pub fn is_cpu(&self) -> bool {
        self.0 == CPU
    }

    /// Whether another program computes.
    pub fn is_contender(&self) -> bool {
        self.program().is_some()
    }

    /// NAME of `contender:NAME:ID`.
    pub fn program(&self) -> Option<&str> {
        let rest = self.0.strip_prefix(CONTENDER)?.strip_prefix(':')?;
        rest.split(':').next()
    }

    /// ID of `contender:NAME:ID`.
    fn own_id(&self) -> Option<&str> {
        self.is_contender().then(|| self.0.rsplit(':').next().unwrap_or_default())
    }

    /// The OpenCL device behind it, driven by us or by a contender.
    pub fn opencl(&self) -> Option<DeviceId> {
        match self.own_id() {
            Some(own) => {
                let number = own.strip_prefix(OPENCL)?.strip_prefix('-')?;
                Some(DeviceId(format!("{OPENCL}:{number}")))
            }
            None => (self.backend() == OPENCL).then(|| self.clone()),
        }
    }

    /// The device of ours that it is or computes on; none where a contender's device has only a name
    /// in common with one of ours.
    pub fn home(&self, kind: DeviceKind) -> Option<DeviceId> {
        if !self.is_contender() {
            return Some(self.clone());
        }
        self.opencl().or_else(|| (kind == DeviceKind::Cpu).then(DeviceId::cpu))
    }

    /// Whether it may stand for the CPU: the CPU path, and contenders on the CPU unless they drive an
    /// OpenCL device.
    pub fn is_cpu_side(&self, kind: DeviceKind) -> bool {
        match self.is_contender() {
            true => kind == DeviceKind::Cpu && self.opencl().is_none(),
            false => self.is_cpu(),
        }
    }
}

impl From<&str> for DeviceId {
    fn from(id: &str) -> DeviceId {
        DeviceId(id.to_string())
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use DeviceKind::{Cpu, Gpu};

    #[test]
    fn ids_are_written_as_they_are_read() {
        for (id, text, backend) in [
            (DeviceId::cpu(), "cpu", "cpu"),
            (DeviceId::numbered("opencl", 3), "opencl:3", "opencl"),
            (DeviceId::contender("torch", "gpu-0"), "contender:torch:gpu-0", "contender"),
        ] {
            assert_eq!((id.to_string().as_str(), id.backend()), (text, backend));
            assert_eq!(DeviceId::from(text), id);
            assert_eq!(serde_json::to_string(&id).unwrap(), format!("\"{text}\""));
        }
    }

    #[test]
    fn contenders_are_at_home_on_devices_of_ours() {
        for (id, kind, home, opencl, cpu_side) in [
            ("cpu", Cpu, Some("cpu"), None, true),
            ("opencl:1", Cpu, Some("opencl:1"), Some("opencl:1"), false),
            ("contender:torch:cpu", Cpu, Some("cpu"), None, true),
            ("contender:clblast:opencl-1", Cpu, Some("opencl:1"), Some("opencl:1"), false),
            ("contender:clblast:opencl-1", Gpu, Some("opencl:1"), Some("opencl:1"), false),
            ("contender:torch:gpu-0", Gpu, None, None, false),
        ] {
            let id = DeviceId::from(id);
            let text = |id: Option<DeviceId>| id.map(|id| id.to_string());
            assert_eq!(text(id.home(kind)).as_deref(), home, "{id}");
            assert_eq!(text(id.opencl()).as_deref(), opencl, "{id}");
            assert_eq!(id.is_cpu_side(kind), cpu_side, "{id}");
        }
        assert_eq!(DeviceId::from("contender:torch:gpu-0").program(), Some("torch"));
        assert_eq!(DeviceId::from("contenders").program(), None);
    }

    #[test]
    fn ids_stand_in_columns() {
        assert_eq!(format!("{:<6}|", DeviceId::cpu()), "cpu   |");
    }
}
