//! Every set of instructions against plain loops, on small integers, where every order of sums is exact.

use super::*;
use crate::backend::cpu::Function;

/// Lies before and behind every output.
const SENTINEL: f32 = 12345.0;
const FENCE: usize = 64;

const LENGTHS: [usize; 11] = [1, 2, 15, 16, 17, 63, 64, 65, 1000, 4097, 100003];

fn pool(threads: usize) -> Pool {
    Pool::new(&vec![0; threads]).unwrap()
}

fn numbers(len: usize, seed: usize) -> Vec<f32> {
    (0..len).map(|i| ((i * 7 + seed + i / 13) % 17) as f32 - 8.0).collect()
}

/// Runs a map into an output at every distance from a cache line, and compares all of it and the
/// fences round it.
fn check<M: Map>(pool: &Pool, inputs: &[&[f32]], wanted: impl Fn(f32, f32) -> f32) {
    let (a, b) = (inputs[0], inputs[inputs.len() - 1]);
    let wanted: Vec<f32> = a.iter().zip(b).map(|(a, b)| wanted(*a, *b)).collect();
    for isa in Isa::available() {
        for (nt, map) in
            [(false, map_by::<M, false> as fn(_, &_, &[_], &mut _)), (true, map_by::<M, true>)]
        {
            for offset in 0..=17 {
                let start = FENCE + offset;
                let mut fenced = vec![SENTINEL; start + wanted.len() + FENCE];
                let out = &mut fenced[start..start + wanted.len()];
                out.fill(f32::NAN);
                map(isa, pool, inputs, out);
                let of = format!("{isa:?} nt {nt} length {} offset {offset}", wanted.len());
                let wrong = out.iter().zip(&wanted).position(|(got, want)| got != want);
                assert_eq!(wrong, None, "{of}");
                let (before, rest) = fenced.split_at(start);
                let mut round = before.iter().chain(&rest[wanted.len()..]);
                assert!(round.all(|x| *x == SENTINEL), "{of}");
            }
        }
    }
}

#[test]
fn maps_are_exact() {
    for pool in [pool(1), pool(3)] {
        for len in LENGTHS {
            let (a, b) = (numbers(len, 3), numbers(len, 5));
            let (one, two) = ([&a[..]], [&a[..], &b]);
            check::<Copied>(&pool, &one, |a, _| a);
            check::<Scaled>(&pool, &one, |a, _| 3.0 * a);
            check::<Sum>(&pool, &two, |a, b| a + b);
            check::<Triad>(&pool, &two, |a, b| a + 3.0 * b);
        }
    }
}

#[test]
fn dots_are_exact_on_integers() {
    for pool in [pool(1), pool(3)] {
        for len in LENGTHS {
            for offset in 0..=17 {
                let (a, b) = (numbers(len + offset, 3), numbers(len + 2 * offset, 5));
                let (a, b) = (&a[offset..], &b[2 * offset..]);
                let wanted: f64 = a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum();
                for isa in Isa::available() {
                    let got = sum_of_products(isa, &pool, a, b);
                    assert_eq!(got, wanted as f32, "{isa:?} length {len} offset {offset}");
                }
            }
        }
    }
}

#[test]
fn dots_of_fractions_are_close_and_always_the_same() {
    let two = pool(2);
    let numbers =
        |seed: f32| -> Vec<f32> { (0..1000003).map(|i| (i as f32 * seed).sin()).collect() };
    let (a, b) = (numbers(0.37), numbers(0.91));
    let wanted: f64 = a.iter().zip(&b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
    let size: f64 = a.iter().zip(&b).map(|(a, b)| f64::from((a * b).abs())).sum();
    for isa in Isa::available() {
        let got = sum_of_products(isa, &two, &a, &b);
        assert!((f64::from(got) - wanted).abs() <= 1e-6 * size, "{isa:?}: {got}, not {wanted}");
        for _ in 0..20 {
            assert_eq!(sum_of_products(isa, &two, &a, &b).to_bits(), got.to_bits(), "{isa:?}");
        }
    }
}

#[test]
fn the_kernels_are_the_ones_they_are_named_after() {
    let (pool, shape) = (pool(2), Shape::of(&[], &[]));
    let inputs = [&[2.0; 100][..], &[5.0; 100]];
    let first = |kernel: Function<f32>, inputs: &[&[f32]], len| {
        let mut out = vec![f32::NAN; len];
        kernel(&pool, &shape, inputs, &mut out);
        out[0]
    };
    for kernel in [map::<Copied, false>, map::<Copied, true>] {
        assert_eq!(first(kernel, &inputs[..1], 100), 2.0);
    }
    for kernel in [map::<Scaled, false>, map::<Scaled, true>] {
        assert_eq!(first(kernel, &inputs[..1], 100), 6.0);
    }
    for kernel in [map::<Sum, false>, map::<Sum, true>] {
        assert_eq!(first(kernel, &inputs, 100), 7.0);
    }
    for kernel in [map::<Triad, false>, map::<Triad, true>] {
        assert_eq!(first(kernel, &inputs, 100), 17.0);
    }
    assert_eq!(first(dot, &inputs, 1), 1000.0);
}

#[test]
fn stretches_cover_an_array_once_and_meet_at_cache_lines() {
    let pools = [pool(1), pool(2), pool(7)];
    let array = vec![0.0; 20 * LEAST];
    for len in LENGTHS.into_iter().chain([3 * LEAST, 20 * LEAST - 64]) {
        for offset in 0..=17 {
            let array = &array[offset..offset + len];
            for pool in &pools {
                let stretches = Stretches::of(array, pool);
                assert!((1..=pool.threads()).contains(&stretches.count));
                assert_eq!((stretches.edge(0), stretches.edge(stretches.count)), (0, len));
                for i in 1..stretches.count {
                    assert!(stretches.edge(i) >= stretches.edge(i - 1));
                    let address = array[stretches.edge(i)..].as_ptr() as usize;
                    assert_eq!(address % LINE_BYTES, 0);
                }
            }
        }
    }
}
