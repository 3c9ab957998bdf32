"""The GPUs that kernels are compiled for, and how many work-groups of a kernel one of their
multiprocessors (SM, CU; from gfx10 on a pair of CUs, a WGP) holds at a time."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Nvidia:
    name: str
    klass: str
    threads: int  # of a multiprocessor
    groups: int
    shared_bytes: int  # for all groups together
    reserved_bytes: int  # of a group, for the system
    registers: int = 65536

    maker = "nvidia"
    unit = "SM"

    def occupancy(self, registers, local_bytes, items):
        """Work-groups of a multiprocessor. Registers are given out in 256s to warps, which belong to
        one of four partitions."""
        warps = -(-items // 32)
        of_warp = -(-max(registers, 1) * 32 // 256) * 256
        by_registers = self.registers // 4 // of_warp * 4 // warps
        by_memory = self.shared_bytes // (local_bytes + self.reserved_bytes) if local_bytes else self.groups
        return min(by_registers, by_memory, self.groups, self.threads // (warps * 32))


@dataclass(frozen=True)
class Amd:
    name: str
    klass: str
    registers: int  # of a lane of a SIMD
    granule: int
    waves: int  # of a SIMD
    wave: int  # lanes
    local_bytes: int  # of the four SIMDs that share it
    packed: bool = False  # has v_pk_fma_f32
    dual: bool = False  # has v_dual_fmac_f32

    maker = "amd"
    simds = 4

    @property
    def unit(self):
        return "WGP" if self.wave == 32 else "CU"

    def occupancy(self, registers, local_bytes, items):
        """Work-groups of the four SIMDs that share local memory."""
        waves = -(-items // self.wave)
        of_wave = -(-max(registers, 1) // self.granule) * self.granule
        by_registers = min(self.waves, self.registers // of_wave) * self.simds // waves
        local_bytes = -(-local_bytes // 512) * 512
        return min(by_registers, self.local_bytes // local_bytes) if local_bytes else by_registers


# Sizes: NVIDIA's CUDA C++ Programming Guide, "Compute Capabilities"; AMD's ISA manuals and LLVM's
# AMDGPU target.
TARGETS = (
    Nvidia("sm_75", "nvidia", 1024, 16, 65536, 0),
    Nvidia("sm_80", "nvidia", 2048, 32, 167936, 1024),
    Nvidia("sm_90", "nvidia", 2048, 32, 233472, 1024),
    Amd("gfx906", "amd", 256, 4, 10, 64, 65536),
    Amd("gfx90a", "amd", 512, 8, 8, 64, 65536, packed=True),
    Amd("gfx1030", "amd", 1024, 16, 16, 32, 131072),
    Amd("gfx1100", "amd", 1536, 24, 16, 32, 131072, dual=True),
)
