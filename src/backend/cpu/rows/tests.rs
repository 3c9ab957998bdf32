//! Every row, and every float of a row, once; and nothing beside them.

use super::super::{layernorm, softmax};
use super::*;
use crate::workload;

/// The sum of a row.
#[derive(Clone, Copy)]
struct Sums;

impl Function for Sums {
    type Whole = f32;

    #[inline(always)]
    unsafe fn read<V: Vector>(
        &self,
        x: &[f32],
        _: &mut [f32],
        meanwhile: &mut Meanwhile<'_, Self>,
    ) -> f32 {
        struct Sum<'a, 'b>(&'a [f32], &'a mut Meanwhile<'b, Sums>);

        impl Step for Sum<'_, '_> {
            const START: f32 = 0.0;

            #[inline(always)]
            unsafe fn add<V: Vector>(&mut self, sum: V, place: impl Place) -> V {
                // SAFETY: the caller's.
                unsafe {
                    self.1.at::<V>(place);
                    sum.add(place.load(self.0, 0.0))
                }
            }
        }
        // SAFETY: the caller's.
        unsafe { across::<V, Added>(fold(x.len(), Sum(x, meanwhile))) }
    }

    #[inline(always)]
    unsafe fn result<V: Vector>(&self, _: &[f32], _: &[f32], sum: f32, _: impl Place) -> V {
        // SAFETY: the caller's.
        unsafe { V::splat(sum) }
    }
}

#[test]
fn a_fold_has_every_float_once() {
    let softmax = workload::find("softmax").unwrap();
    for columns in (1..70).chain([127, 128, 131]) {
        let shape = softmax.shape(&format!("rows=2,columns={columns}")).unwrap();
        let x: Vec<f32> = (0..2 * columns).map(|i| i as f32).collect();
        for isa in Isa::available() {
            let mut sums = vec![-1.0; x.len()];
            each_by((isa, false), &Pool::new(&[0]).unwrap(), &shape, &x, &mut sums, &Sums);
            for (sums, x) in sums.chunks(columns).zip(x.chunks(columns)) {
                let expected: f32 = x.iter().sum();
                assert!(sums.iter().all(|sum| *sum == expected), "{isa:?} {columns}");
            }
        }
    }
}

/// Distances from a row's first element, and the elements themselves: shows rows, and columns, that
/// are taken for others.
#[derive(Clone, Copy)]
struct Distances;

impl Function for Distances {
    type Whole = ();

    #[inline(always)]
    unsafe fn read<V: Vector>(
        &self,
        x: &[f32],
        kept: &mut [f32],
        meanwhile: &mut Meanwhile<'_, Self>,
    ) {
        struct Keep<'a, 'b>(&'a [f32], &'a mut [f32], &'a mut Meanwhile<'b, Distances>);

        impl Step for Keep<'_, '_> {
            const START: f32 = 0.0;

            #[inline(always)]
            unsafe fn add<V: Vector>(&mut self, part: V, place: impl Place) -> V {
                // SAFETY: the caller's; both have the row's length.
                unsafe {
                    self.2.at::<V>(place);
                    place.store(place.load::<V>(self.0, 0.0).sub(V::splat(self.0[0])), self.1);
                }
                part
            }
        }
        // SAFETY: the caller's.
        unsafe { fold::<V, _>(x.len(), Keep(x, kept, meanwhile)) };
    }

    #[inline(always)]
    unsafe fn result<V: Vector>(&self, x: &[f32], kept: &[f32], (): (), place: impl Place) -> V {
        // SAFETY: the caller's.
        unsafe { place.load::<V>(x, 0.0).add_product(V::splat(3.0), place.load(kept, 0.0)) }
    }
}

/// What is no number stays visible, wherever it stands.
#[test]
fn a_row_with_something_that_is_no_number_has_no_number() {
    let columns = 150;
    let shape =
        workload::find("softmax").unwrap().shape(&format!("rows=1,columns={columns}")).unwrap();
    for odd in [f32::NAN, f32::INFINITY] {
        for at in [0, 1, 77, 128, columns - 1] {
            let mut x = vec![0.5; columns];
            x[at] = odd;
            let pool = Pool::new(&[0]).unwrap();
            let mut out = vec![0.0; columns];
            softmax::native(&pool, &shape, &[&x], &mut out);
            assert!(out.iter().all(|y| y.is_nan()), "{odd} at {at}");
            let inputs = [&x[..], &vec![1.0; columns], &vec![0.0; columns]];
            layernorm::native(&pool, &shape, &inputs, &mut out);
            assert!(out.iter().all(|y| y.is_nan()), "{odd} at {at}");
        }
    }
}

#[test]
fn every_row_is_written_once_and_nothing_else_is() {
    const FENCE: f32 = 12345.0;
    let softmax = workload::find("softmax").unwrap();
    for pool in [Pool::new(&[0]).unwrap(), Pool::new(&[0, 0, 0]).unwrap()] {
        for (rows, columns) in [(1, 1), (3, 5), (7, 64), (5, 127), (2, 4099), (700, 65)] {
            let shape = softmax.shape(&format!("rows={rows},columns={columns}")).unwrap();
            let x: Vec<f32> = (0..rows * columns).map(|i| (i * 7 % 1009) as f32).collect();
            let wanted = |i: usize| 3.0 * (x[i] - x[i / columns * columns]) + x[i];
            for isa in Isa::available() {
                for (nt, offset) in [(false, 0), (true, 16), (true, 3)] {
                    let mut fenced = vec![FENCE; offset + x.len() + 16];
                    let out = &mut fenced[offset..offset + x.len()];
                    each_by((isa, nt), &pool, &shape, &x, out, &Distances);
                    assert!((0..x.len()).all(|i| out[i] == wanted(i)), "{isa:?} {nt} {shape}");
                    let fences = fenced[..offset].iter().chain(&fenced[offset + x.len()..]);
                    assert!(fences.into_iter().all(|x| *x == FENCE), "{isa:?} {nt} {shape}");
                }
            }
        }
    }
}
