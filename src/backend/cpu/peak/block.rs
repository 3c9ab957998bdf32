//! Chains of a block, with any vectors.

use super::number::Number;
use crate::backend::cpu::simd::{Arithmetic, MOST_LANES, Vector};
use crate::workload::LENGTH;

/// Vectors that are done after each other, in groups of ten or more: a CPU of two multipliers that
/// takes five cycles for each result needs ten chains.
const VECTORS: usize = 32;

/// Chains of a block: those of that many of the longest vectors.
pub(super) const BLOCK: usize = MOST_LANES * VECTORS;

/// A step of chains of `T`, by some instructions.
pub(super) trait Step<T: Number> {
    /// The chains that take it together, on a CPU with vectors `V`.
    type Chains<V: Vector>: Arithmetic<T>;

    /// `chain * m + step`, each of them.
    ///
    /// # Safety
    /// The CPU has the vector's instructions.
    unsafe fn step<V: Vector>(
        chain: Self::Chains<V>,
        m: Self::Chains<V>,
        step: Self::Chains<V>,
    ) -> Self::Chains<V>;
}

/// By the vector's own multiply-add.
pub(super) struct Vectors;

impl<T: Number> Step<T> for Vectors {
    type Chains<V: Vector> = T::Vector<V>;

    #[inline(always)]
    unsafe fn step<V: Vector>(
        chain: T::Vector<V>,
        m: T::Vector<V>,
        step: T::Vector<V>,
    ) -> T::Vector<V> {
        // SAFETY: the caller's.
        unsafe {
            if cfg!(target_arch = "aarch64") {
                // Arm's vectors are only added to: a chain goes through the sum. The multiplier is
                // one, so that is the same number.
                chain.add_product(m, step)
            } else {
                step.add_product(chain, m)
            }
        }
    }
}

/// Of one number, by one instruction if `FUSED`, else by a multiplication and an addition.
pub(super) struct Scalars<const FUSED: bool>;

impl<T: Number, const FUSED: bool> Step<T> for Scalars<FUSED> {
    type Chains<V: Vector> = [T; 1];

    #[inline(always)]
    unsafe fn step<V: Vector>([chain]: [T; 1], [m]: [T; 1], [step]: [T; 1]) -> [T; 1] {
        [if FUSED { chain.fused(m, step) } else { chain * m + step }.alone()]
    }
}

/// `BLOCK` chains: their starts, their steps and where their ends go.
pub(super) struct Block<'a> {
    pub(super) multiplier: f32,
    pub(super) start: &'a [f32],
    pub(super) step: &'a [f32],
    pub(super) end: &'a mut [f32; BLOCK],
}

impl Block<'_> {
    /// Computes the ends, in numbers of type `T`. Panics unless there are `BLOCK` starts and steps.
    ///
    /// # Safety
    /// The CPU has the instructions of the vector and of the step.
    #[inline(always)]
    pub(super) unsafe fn compute<T: Number, V: Vector, S: Step<T>>(self) {
        let m = self.multiplier;
        for first in (0..BLOCK).step_by(VECTORS * S::Chains::<V>::LANES) {
            let (start, step) = (&self.start[first..], &self.step[first..]);
            let end = &mut self.end[first..];
            // SAFETY: the caller's.
            unsafe {
                if cfg!(target_arch = "aarch64") {
                    group::<T, V, S, 16>(0, m, start, step, end);
                    group::<T, V, S, 16>(16, m, start, step, end);
                } else {
                    group::<T, V, S, 11>(0, m, start, step, end);
                    group::<T, V, S, 11>(11, m, start, step, end);
                    group::<T, V, S, 10>(22, m, start, step, end);
                }
            }
        }
    }
}

/// The chains of vectors `first .. first + N`, side by side in registers. Panics unless the slices hold
/// them.
///
/// # Safety
/// The CPU has the instructions of the vector and of the step.
#[inline(always)]
unsafe fn group<T: Number, V: Vector, S: Step<T>, const N: usize>(
    first: usize,
    m: f32,
    start: &[f32],
    step: &[f32],
    end: &mut [f32],
) {
    let lanes = S::Chains::<V>::LANES;
    let floats = first * lanes..(first + N) * lanes;
    // SAFETY: the caller's.
    let (m, zero) = unsafe { (S::Chains::<V>::splat(T::of(m)), S::Chains::<V>::splat(T::of(0.0))) };
    let (mut chains, mut steps) = ([zero; N], [zero; N]);
    // Loops, no closures: intrinsics only become instructions where all is inlined for certain.
    for (i, (chain, of_chain)) in chains.iter_mut().zip(&mut steps).enumerate() {
        let floats = floats.start + i * lanes;
        // SAFETY: the caller's.
        unsafe {
            *chain = load(&start[floats..]);
            *of_chain = load(&step[floats..]);
        }
    }
    // What is left beside chains and multiplier holds steps, one spared: reads are no part of the roof, and some
    // CPUs do no more of them in a cycle than multiply-adds.
    let held = V::REGISTERS - 2 - N;
    for _ in 0..LENGTH {
        let again = if held < N { read_again(&steps) } else { &steps };
        for (i, chain) in chains.iter_mut().enumerate() {
            let step = if i < held { steps[i] } else { again[i] };
            // SAFETY: the caller's.
            *chain = unsafe { S::step::<V>(*chain, m, step) };
        }
    }
    for (chain, end) in chains.iter().zip(end[floats].chunks_mut(lanes)) {
        // SAFETY: the caller's.
        unsafe { store(*chain, end) };
    }
}

/// A vector from the first of the floats. Panics unless there are enough.
///
/// # Safety
/// The CPU has the vector's instructions.
#[inline(always)]
unsafe fn load<T: Number, V: Arithmetic<T>>(from: &[f32]) -> V {
    let mut numbers = [T::of(0.0); MOST_LANES];
    for (number, float) in numbers.iter_mut().zip(&from[..V::LANES]) {
        *number = T::of(*float);
    }
    // SAFETY: the caller's; no vector has more numbers.
    unsafe { V::load(numbers.as_ptr()) }
}

/// Writes the numbers of a vector, rounded to floats. Panics unless there is space.
///
/// # Safety
/// The CPU has the vector's instructions.
#[inline(always)]
unsafe fn store<T: Number, V: Arithmetic<T>>(vector: V, to: &mut [f32]) {
    let mut numbers = [T::of(0.0); MOST_LANES];
    // SAFETY: the caller's; no vector has more numbers.
    unsafe { vector.store(numbers.as_mut_ptr()) };
    for (float, number) in to[..V::LANES].iter_mut().zip(numbers) {
        *float = number.single();
    }
}

/// The same, of which the compiler doesn't know what it holds. With 16 registers there is no space for all steps
/// beside the chains: a multiply-add can read its step from memory, but the compiler would keep more steps in
/// registers and move chains in and out instead.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn read_again<T>(steps: &T) -> &T {
    let mut at = std::ptr::from_ref(steps);
    // SAFETY: no instruction at all.
    unsafe {
        std::arch::asm!("/* {0} */", inout(reg) at, options(readonly, nostack, preserves_flags));
    }
    // SAFETY: still the pointer made from the reference.
    unsafe { &*at }
}

/// Elsewhere there are registers enough.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn read_again<T>(steps: &T) -> &T {
    steps
}
