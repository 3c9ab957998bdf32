//! Sets of instructions.

#[cfg(target_arch = "aarch64")]
use std::arch::aarch64::float32x4_t;
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{__m256, __m512};

use super::{Arithmetic, Vector};

/// Which instructions a kernel is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// AVX-512 F, BW, DQ and VL: 16 floats.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// AVX2 with FMA: 8 floats.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// What every aarch64 has: 4 floats.
    #[cfg(target_arch = "aarch64")]
    Neon,
    /// Plain Rust: arrays of 4 floats.
    Portable,
}

/// An expression in which `$V` is the vector of an [`Isa`]: the one table of which belongs to which.
macro_rules! with_vector {
    ($isa:expr, $V:ident => $value:expr) => {
        match $isa {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => {
                type $V = __m512;
                $value
            }
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => {
                type $V = __m256;
                $value
            }
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => {
                type $V = float32x4_t;
                $value
            }
            Isa::Portable => {
                type $V = [f32; 4];
                $value
            }
        }
    };
}

impl Isa {
    /// All of this architecture, best first.
    pub const ALL: &[Isa] = &[
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512,
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2,
        #[cfg(target_arch = "aarch64")]
        Isa::Neon,
        Isa::Portable,
    ];

    /// Whether this CPU has the instructions.
    pub fn is_available(self) -> bool {
        with_vector!(self, V => V::is_available())
    }

    /// Those of this CPU, best first.
    pub fn available() -> impl Iterator<Item = Isa> {
        Isa::ALL.iter().copied().filter(|isa| isa.is_available())
    }

    /// The best of this CPU.
    pub fn best() -> Isa {
        Isa::available().next().unwrap_or(Isa::Portable)
    }

    /// Floats of a vector.
    pub(in super::super) const fn lanes(self) -> usize {
        with_vector!(self, V => V::LANES)
    }

    /// Vectors that the CPU holds at once.
    pub(in super::super) const fn registers(self) -> usize {
        with_vector!(self, V => V::REGISTERS)
    }

    /// Whether [`Vector::store_nt`] goes past the caches.
    pub(in super::super) const fn has_nt(self) -> bool {
        with_vector!(self, V => V::HAS_NT)
    }

    /// Runs a routine on the vectors of these instructions.
    ///
    /// # Safety
    /// The CPU has the instructions, and all holds that the routine itself asks for.
    pub(in super::super) unsafe fn run<R: Routine>(self, routine: R) {
        // SAFETY: the caller's.
        with_vector!(self, V => unsafe { V::call(routine) })
    }

    /// Does work in plain Rust, compiled for these instructions where it is inlined, as closures are:
    /// the compiler makes vectors of its loops. Panics unless the CPU has the instructions.
    #[inline]
    pub(in super::super) fn vectorise(self, work: impl FnOnce()) {
        struct Plainly<F>(F);
        impl<F: FnOnce()> Routine for Plainly<F> {
            #[inline(always)]
            unsafe fn run<V: Vector>(self) {
                (self.0)();
            }
        }
        assert!(self.is_available());
        // SAFETY: just checked; plain Rust asks for nothing else.
        unsafe { self.run(Plainly(work)) }
    }
}

/// What is to be computed with vectors, whichever they are.
pub(in super::super) trait Routine {
    /// Computes it. To be compiled into its caller: implementations are always inlined, and so is all that
    /// they call and that has to do with vectors.
    ///
    /// # Safety
    /// The CPU has the vector's instructions, and all holds that the routine itself asks for.
    unsafe fn run<V: Vector>(self);
}
