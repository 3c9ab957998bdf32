//! Every vector of this CPU against what its methods say.

use super::*;

/// # Safety
/// The CPU has the vector's instructions.
#[inline(always)]
unsafe fn check<V: Vector>() {
    let n = V::LANES;
    let numbers: Vec<f32> = (0..n * n).map(|i| i as f32).collect();
    let at = |i: usize| numbers.as_ptr().wrapping_add(i);
    // SAFETY: the caller's; every access stays inside its vector of n or n n floats.
    unsafe {
        let list = |v: V| {
            let mut to = vec![0.0; n];
            v.store(to.as_mut_ptr());
            to
        };
        let (x, y) = (V::load(at(1)), V::load(at(n)));
        let expect = |v: V, f: &dyn Fn(usize) -> f32| {
            assert_eq!(list(v), (0..n).map(f).collect::<Vec<_>>());
        };
        expect(V::splat(3.0), &|_| 3.0);
        expect(x, &|i| (1 + i) as f32);
        expect(x.add(y), &|i| (1 + n + 2 * i) as f32);
        expect(y.sub(x), &|_| (n - 1) as f32);
        expect(x.mul(y), &|i| ((1 + i) * (n + i)) as f32);
        expect(V::splat(5.0).add_product(x, y), &|i| (5 + (1 + i) * (n + i)) as f32);
        expect(x.max(V::splat(3.0)), &|i| 3f32.max((1 + i) as f32));
        // Added to a number, 1.5 2^23 leaves it in the lowest bits.
        let n_of = |n: f32| V::splat(12_582_912.0 + n);
        expect(x.plus_bits::<23>(n_of(-3.0)), &|i| (1 + i) as f32 / 8.0);
        expect(n_of(0.0).plus_bits::<2>(V::splat(f32::from_bits(5))), &|_| 12_582_932.0);
        let table = Table(std::array::from_fn(|i| (7 * i) as f32));
        expect(n_of(0.0).add(x).look_up(&table), &|i| (7 * (1 + i)) as f32);
        expect(n_of(-3.0).look_up(&table), &|_| 7.0 * 29.0);
        expect(x.exchanged::<1>(), &|i| (1 + (i ^ 1)) as f32);
        expect(x.exchanged::<2>(), &|i| (1 + (i ^ 2)) as f32);
        if n > 4 {
            expect(x.exchanged::<4>(), &|i| (1 + (i ^ 4)) as f32);
        }
        if n > 8 {
            expect(x.exchanged::<8>(), &|i| (1 + (i ^ 8)) as f32);
        }
        let fused = V::splat(-1.0).add_product(V::splat(1.000_244_1), V::splat(1.000_244_1));
        let rounded = 1.000_244_1f32 * 1.000_244_1 - 1.0;
        let once = 1.000_244_1f32.mul_add(1.000_244_1, -1.0);
        assert_ne!(rounded, once);
        expect(fused, &|_| if V::IS_FUSED { once } else { rounded });
        expect(V::load(at(0)).even(y), &|i| (2 * i) as f32);
        let (low, high) = x.twice();
        expect(low, &|i| (1 + i / 2) as f32);
        expect(high, &|i| (1 + (n + i) / 2) as f32);
        for mask in [0, 1, first(n), first(n - 1), 0b1010] {
            let chosen = |i: usize| mask >> i & 1 == 1;
            let from = if mask == 0 { std::ptr::null() } else { at(n) };
            expect(x.load_masked(from, mask), &|i| {
                if chosen(i) { (n + i) as f32 } else { (1 + i) as f32 }
            });
            let mut to = vec![-1.0; n];
            x.store_masked(to.as_mut_ptr(), mask);
            for (i, found) in to.into_iter().enumerate() {
                assert_eq!(found, if chosen(i) { (1 + i) as f32 } else { -1.0 });
            }
        }
        let mut lines = [Line([-1.0; 16]); 2];
        x.store_nt(lines[1].0.as_mut_ptr());
        store_fence();
        assert_eq!(lines[1].0[..n], list(x));
        assert!(lines[0].0.iter().chain(&lines[1].0[n..]).all(|x| *x == -1.0));
        let mut rows: Vec<V> = (0..n).map(|i| V::load(at(n * i))).collect();
        V::transpose(&mut rows);
        for (j, row) in rows.into_iter().enumerate() {
            expect(row, &|i| (n * i + j) as f32);
        }
        let quads = V::transpose_quads([0, 1, 2, 3].map(|i| V::load(at(n * i))));
        for (j, row) in quads.into_iter().enumerate() {
            expect(row, &|i| (n * (i % 4) + i / 4 * 4 + j) as f32);
        }
    }
}

/// A cache line: where any vector may be stored past the caches.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line([f32; 16]);

/// # Safety
/// The CPU has the vector's instructions.
#[inline(always)]
unsafe fn check_doubles<V: Arithmetic<f64>>() {
    // Numbers that are none of f32's.
    let numbers: Vec<f64> = (0..2 * V::LANES).map(|i| 0.1 + i as f64).collect();
    // SAFETY: the caller's; every access stays inside the numbers and inside as many lanes.
    unsafe {
        let (x, y) = (V::load(numbers.as_ptr()), V::load(numbers[V::LANES..].as_ptr()));
        let expect = |v: V, f: &dyn Fn(f64, f64) -> f64| {
            let mut to = vec![0.0; V::LANES];
            v.store(to.as_mut_ptr());
            for (i, found) in to.into_iter().enumerate() {
                let wanted = f(numbers[i], numbers[V::LANES + i]);
                assert!((found - wanted).abs() <= 1e-15 * wanted.abs(), "{found}, not {wanted}");
            }
        };
        expect(V::splat(0.3), &|_, _| 0.3);
        expect(x.add(y), &|x, y| x + y);
        expect(y.sub(x), &|x, y| y - x);
        expect(x.mul(y), &|x, y| x * y);
        expect(V::splat(0.3).add_product(x, y), &|x, y| 0.3 + x * y);
    }
}

/// Checks the vector that an [`Isa`] is said to have.
struct Check(Isa);

impl Routine for Check {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        assert_eq!((self.0.lanes(), self.0.registers()), (V::LANES, V::REGISTERS));
        assert_eq!(self.0.has_nt(), V::HAS_NT);
        // SAFETY: the caller's.
        unsafe {
            check::<V>();
            check_doubles::<V::Doubles>();
        }
    }
}

#[test]
fn every_vector_does_what_it_says() {
    for isa in Isa::available() {
        // SAFETY: it is available.
        unsafe { isa.run(Check(isa)) }
    }
}
