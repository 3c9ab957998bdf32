//! The computer as a run finds it.

use serde::{Deserialize, Serialize};
use sysinfo::System;

use super::system::{cpu_name, facts};
use super::{CacheLevel, caches, cores, groups, memory, state};

/// The computer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Machine {
    /// Operating system with its version.
    pub os: String,
    /// Kernel version.
    pub kernel: String,
    /// The CPU's name.
    pub cpu: String,
    /// Instruction sets that the kernels care about.
    pub instruction_sets: Vec<String>,
    /// Cores, without those that share a core with another.
    pub physical_cores: usize,
    /// Logical processors.
    pub logical_cores: usize,
    /// Data caches of the first of them, the smallest first; empty where the system does not say.
    #[serde(default)]
    pub caches: Vec<CacheLevel>,
    /// Logical processors that the CPU path was pinned to, one thread each.
    pub cores_used: Vec<usize>,
    /// Main memory in bytes.
    pub memory_bytes: u64,
    /// Memory that was free at the start, in bytes.
    pub free_memory_bytes: u64,
    /// Load average of the last minute at the start.
    pub load: f64,
    /// Whether this is a virtual machine, where it can be seen.
    pub virtual_machine: bool,
    /// Who runs the virtual machine, where it can be seen.
    #[serde(default)]
    pub hypervisor: Option<String>,
    /// Whether two threads share a core, where it can be seen.
    #[serde(default)]
    pub smt: Option<bool>,
    /// Frequency governor, where there is one.
    #[serde(default)]
    pub governor: Option<String>,
    /// Logical processors that this process was allowed when it started.
    #[serde(default)]
    pub affinity: Vec<usize>,
    /// CPUs that the control groups allow; none without a limit.
    #[serde(default)]
    pub quota_cpus: Option<f64>,
}

impl Machine {
    /// As it is now; `cores` are those that the CPU path is pinned to.
    pub fn now(cores: &[usize]) -> Machine {
        let facts = facts();
        Machine {
            os: System::long_os_version().unwrap_or_default(),
            kernel: System::kernel_version().unwrap_or_default(),
            cpu: cpu_name(facts.as_ref()),
            instruction_sets: instruction_sets(),
            physical_cores: System::physical_core_count().unwrap_or(0),
            logical_cores: facts.as_ref().map_or(0, |s| s.cpus().len()),
            caches: caches(cores),
            cores_used: cores.to_vec(),
            memory_bytes: facts.as_ref().map_or(0, System::total_memory),
            free_memory_bytes: memory::free_memory_bytes().unwrap_or(0),
            load: System::load_average().map_or(0.0, |l| l.one),
            virtual_machine: state::is_virtual(),
            hypervisor: state::hypervisor(),
            smt: state::has_smt(),
            governor: state::governor(),
            affinity: cores::affinity_at_start(),
            quota_cpus: groups::quota_cpus(),
        }
    }

    /// Whether another run found the same computer, as far as its lasting facts tell. What a kernel keeps of
    /// the memory for itself changes with it.
    pub fn is_same(&self, other: &Machine) -> bool {
        let facts = |m: &Machine| (m.physical_cores, m.logical_cores);
        let is_as_large = self.memory_bytes.abs_diff(other.memory_bytes) <= self.memory_bytes / 50;
        (&self.cpu, &self.caches) == (&other.cpu, &other.caches)
            && facts(self) == facts(other)
            && is_as_large
    }

    /// What slows it down or makes it unsteady, a sentence each.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.load > 0.5 {
            warnings.push(format!(
                "load average {:.1} at the start: other programs were using the machine",
                self.load
            ));
        }
        if self.virtual_machine {
            warnings.push("virtual machine: its neighbours can slow it down unseen".to_string());
        }
        if let Some(cpus) = self.quota_cpus.filter(|cpus| *cpus < self.cores_used.len() as f64) {
            warnings.push(format!("a control group allows {cpus:.2} CPUs, fewer than the threads"));
        }
        if let Some(governor) = self.governor.as_ref().filter(|g| *g != "performance") {
            warnings.push(format!("CPU frequency governor is '{governor}', not 'performance'"));
        }
        warnings
    }
}

fn instruction_sets() -> Vec<String> {
    #[cfg(target_arch = "x86_64")]
    let sets = [
        ("sse2", is_x86_feature_detected!("sse2")),
        ("avx", is_x86_feature_detected!("avx")),
        ("avx2", is_x86_feature_detected!("avx2")),
        ("fma", is_x86_feature_detected!("fma")),
        ("avx512f", is_x86_feature_detected!("avx512f")),
        ("avx512bf16", is_x86_feature_detected!("avx512bf16")),
    ];
    #[cfg(not(target_arch = "x86_64"))]
    let sets = [("neon", cfg!(target_arch = "aarch64"))];
    sets.iter().filter(|(_, has)| *has).map(|(name, _)| name.to_string()).collect()
}
