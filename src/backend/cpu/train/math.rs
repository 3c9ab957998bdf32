//! Functions of one number that the compiler makes vectors of: no branches, no tables.
//!
//! The polynomials are fitted for least relative error (Lawson's iteration), and rounded to f32.

use std::f32::consts::LOG2_E;

use crate::backend::cpu::simd::{TABLE, Table, Vector};

/// Added to a number below 2^22, this rounds it to a whole one, which the lowest bits then hold.
const ROUND: f32 = 12_582_912.0;

/// The logarithm of 2 in two parts, the first of so few bits that whole multiples are exact.
const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];

/// e^r = 1 + r + r^2 q(r), |r| <= ln 2 / 2.
const Q: [f32; 5] = [0.5, 0.166_665_76, 0.041_666_854, 0.008_363_2, 0.001_390_130_6];

/// The ends of what [`exp`] tells apart, which lie inside those of f32.
const ENDS: [f32; 2] = [-86.0, 88.0];

/// e^x within 2 ulp; at least e^-86 and at most e^88.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    let x = x.clamp(ENDS[0], ENDS[1]);
    let shifted = x * LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * LN_2[0]) - n * LN_2[1];
    let q = Q[..4].iter().rev().fold(Q[4], |q, c| r * q + c);
    let e = 1.0 + (r + r * r * q);
    // Times 2^n.
    f32::from_bits(e.to_bits().wrapping_add(shifted.to_bits() << 23))
}

/// e^x of every lane, none of which is above 88: within 2 ulp, and half an ulp more with every 20 that x is away
/// from zero; at least e^-86. As few operations as that takes, since softmax has no time for more where memory is
/// fast.
///
/// # Safety
/// The CPU has the vector's instructions.
#[inline(always)]
pub unsafe fn exp_of<V: Vector>(x: V) -> V {
    // SAFETY: the caller's.
    unsafe {
        // In this order a lane that is no number stays none.
        let x = V::splat(ENDS[0]).max(x);
        if V::HAS_TABLES { by_table(x) } else { by_polynomial(x) }
    }
}

/// e^r = 1 + r + r^2 q(r), |r| <= ln 2 / 2, within 1.1e-7.
const SHORT_Q: [f32; 4] = [0.499_992_3, 0.166_671_16, 0.041_890_554, 0.008_312_479];

/// x = n ln 2 + r, e^x = 2^n e^r.
///
/// # Safety
/// The CPU has the vector's instructions.
#[inline(always)]
unsafe fn by_polynomial<V: Vector>(x: V) -> V {
    // SAFETY: the caller's.
    unsafe {
        let all = |x: f32| V::splat(x);
        let shifted = all(ROUND).add_product(x, all(LOG2_E));
        let r = rest(x, shifted.sub(all(ROUND)));
        let [q0, q1, q2, q3] = SHORT_Q.map(all);
        let q = q0.add_product(r, q1.add_product(r, q2.add_product(r, q3)));
        let e = all(1.0).add_product(r, all(1.0).add_product(r, q));
        e.plus_bits::<23>(shifted)
    }
}

/// 2^(i / 32), with i taken from the bits that i is to be added to.
const POWERS: Table = {
    let mut powers = [0.0; TABLE];
    let mut power = 1.0;
    let mut i = 0;
    while i < TABLE {
        powers[i] = f32::from_bits((power as f32).to_bits() - ((i as u32) << PART_SHIFT));
        power *= 1.021_897_148_654_116_7;
        i += 1;
    }
    Table(powers)
};

/// Where the bit of a float is that stands for a 32nd in the logarithm of its powers of 2.
const PART_SHIFT: i32 = 18;

/// e^r = 1 + r p(r), |r| <= ln 2 / 64, within 5.4e-8.
const SHORTEST_P: [f32; 2] = [1.000_014_7, 0.500_000_5];

/// x = n ln 2 / 32 + r, e^x = 2^(n / 32) e^r.
///
/// # Safety
/// The CPU has the vector's instructions.
#[inline(always)]
unsafe fn by_table<V: Vector>(x: V) -> V {
    // SAFETY: the caller's.
    unsafe {
        let all = |x: f32| V::splat(x);
        let round = all(ROUND / TABLE as f32);
        let shifted = round.add_product(x, all(LOG2_E));
        let r = rest(x, shifted.sub(round));
        // The lowest five bits of n name a power of the table, those above it a whole power of 2.
        let power = shifted.look_up(&POWERS).plus_bits::<PART_SHIFT>(shifted);
        let [p0, p1] = SHORTEST_P.map(all);
        power.add_product(power.mul(r), p0.add_product(r, p1))
    }
}

/// x - n ln 2, for |n| <= 127 in steps of a 32nd.
///
/// # Safety
/// The CPU has the vector's instructions.
#[inline(always)]
unsafe fn rest<V: Vector>(x: V, n: V) -> V {
    // SAFETY: the caller's.
    unsafe {
        let all = |x: f32| V::splat(x);
        if V::IS_FUSED {
            // Of a product that is not rounded only the rounding of the logarithm remains: 2e-9 n.
            x.add_product(n, all(-std::f32::consts::LN_2))
        } else {
            x.add_product(n, all(-LN_2[0])).add_product(n, all(-LN_2[1]))
        }
    }
}

/// 1 / (1 + e^-x).
#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// The hyperbolic tangent, within 1e-7.
#[inline(always)]
pub fn tanh(x: f32) -> f32 {
    let e = exp(-2.0 * x.abs());
    ((1.0 - e) / (1.0 + e)).copysign(x)
}

/// z Phi(z) and its derivative, Phi the normal distribution: within 2e-7.
#[inline(always)]
pub fn gelu(z: f32) -> (f32, f32) {
    // erfc(a) = t p(t) e^(-a^2), t = 1 / (1 + 0.4 a).
    const P: [f32; 9] = [
        0.225_503_97,
        0.228_458_02,
        0.188_686_85,
        0.241_272_66,
        -0.025_516_482,
        0.231_856_55,
        -0.035_613_015,
        -0.084_953_22,
        0.030_304_695,
    ];
    const ROOT_HALF: f32 = std::f32::consts::FRAC_1_SQRT_2;
    const ROOT_2_PI: f32 = 2.506_628_3;
    let a = z.abs() * ROOT_HALF;
    let bell = exp(-a * a);
    let t = 1.0 / (1.0 + 0.4 * a);
    let mut p = P[8];
    for c in P[..8].iter().rev() {
        p = c + t * p;
    }
    let tail = 0.5 * t * p * bell;
    let phi = if z > 0.0 { 1.0 - tail } else { tail };
    (z * phi, phi + z * bell / ROOT_2_PI)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::cpu::simd::{Isa, MOST_LANES, Routine};

    /// Numbers all over f32's useful range.
    fn numbers() -> impl Iterator<Item = f32> {
        (-200_000..200_000).map(|i| (i as f32 * 1e-4).powi(3) / 20.0 + i as f32 * 1e-5)
    }

    /// The exponentials of some numbers by [`exp_of`].
    struct Exponentials<'a>(&'a mut [f32; MOST_LANES]);

    impl Routine for Exponentials<'_> {
        #[inline(always)]
        unsafe fn run<V: Vector>(self) {
            for x in self.0.chunks_exact_mut(V::LANES) {
                // SAFETY: the caller's; a chunk has as many numbers as a vector.
                unsafe { exp_of(V::load(x.as_ptr())).store(x.as_mut_ptr()) };
            }
        }
    }

    fn exponentials(isa: Isa, mut x: [f32; MOST_LANES]) -> [f32; MOST_LANES] {
        assert!(isa.is_available());
        // SAFETY: the CPU has the instructions; the routine asks for nothing else.
        unsafe { isa.run(Exponentials(&mut x)) };
        x
    }

    #[test]
    fn vectors_have_the_exponentials_of_their_lanes() {
        let numbers: Vec<f32> = numbers().filter(|x| x.abs() < 85.0).collect();
        for isa in Isa::available() {
            assert!(
                exponentials(isa, [f32::NAN; MOST_LANES]).iter().all(|x| x.is_nan()),
                "{isa:?}"
            );
            for x in [f32::NEG_INFINITY, -1e30, -100.0] {
                let ends = exponentials(isa, [x; MOST_LANES]);
                assert!(ends.iter().all(|x| (0.0..1e-37).contains(x)), "{isa:?} {x}: {ends:?}");
            }
            for x in numbers.as_chunks::<MOST_LANES>().0 {
                let found = exponentials(isa, *x);
                for (x, found) in x.iter().zip(found) {
                    let exact = f64::from(*x).exp();
                    let off = (f64::from(found) - exact).abs();
                    let bound = (2e-7 + 2.9e-9 * f64::from(x.abs())) * exact + 1e-37;
                    assert!(off <= bound, "{isa:?} {x}: {found}, not {exact}");
                }
            }
        }
    }

    #[test]
    fn functions_are_close_to_those_in_f64() {
        for x in numbers().filter(|x| x.abs() < 85.0) {
            let wide = f64::from(x);
            let off = |found: f32, exact: f64, relative: f64| {
                let bound = relative * exact.abs() + 1e-37;
                assert!((f64::from(found) - exact).abs() <= bound, "{x}: {found}, not {exact}");
            };
            off(exp(x), wide.exp(), 2.4e-7);
            off(sigmoid(x), 1.0 / (1.0 + (-wide).exp()), 4e-7);
            assert!((f64::from(tanh(x)) - wide.tanh()).abs() < 1.2e-7, "{x}");
            let phi = 0.5 * libm::erfc(-wide / std::f64::consts::SQRT_2);
            let bell = (-0.5 * wide * wide).exp() / (2.0 * std::f64::consts::PI).sqrt();
            let (y, slope) = gelu(x);
            assert!((f64::from(y) - wide * phi).abs() < 2e-7 * wide.abs().max(0.1), "{x}");
            assert!((f64::from(slope) - (phi + wide * bell)).abs() < 4e-7, "{x}");
        }
        for x in [-1e30, -100.0, 100.0, 1e30] {
            assert!(
                exp(x).is_finite() && tanh(x).abs() == 1.0 && (0.0..=1.0).contains(&sigmoid(x))
            );
        }
        assert!(exp(f32::NAN).is_nan() && gelu(f32::NAN).0.is_nan() && tanh(f32::NAN).is_nan());
    }
}
