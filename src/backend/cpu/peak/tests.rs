//! Every set of instructions against what the chains must end at.

use super::*;
use crate::workload::LENGTH;

#[test]
fn every_kernel_does_every_step() {
    let start: Vec<f32> = (0..CHAINS).map(|i| (i % 1013) as f32 - 500.0).collect();
    let step: Vec<f32> = (0..CHAINS).map(|i| (i % 17) as f32 - 8.0).collect();
    let wanted: Vec<f32> =
        start.iter().zip(&step).map(|(start, step)| start + LENGTH as f32 * step).collect();
    for threads in [1, 2, 3] {
        let pool = Pool::new(&vec![0; threads]).unwrap();
        for isa in Isa::available() {
            for dtype in [Dtype::F32, Dtype::F64] {
                for batches in [1, 3] {
                    // Fences round the output.
                    let mut fenced = vec![f32::NAN; 64 + CHAINS + 64];
                    let out = &mut fenced[64..64 + CHAINS];
                    run(isa, dtype, &pool, batches, &start, &step, out);
                    let wrong = out.iter().zip(&wanted).position(|(got, want)| got != want);
                    assert_eq!(wrong, None, "{isa:?} {dtype:?} {batches}");
                    let (before, behind) = (&fenced[..64], &fenced[64 + CHAINS..]);
                    assert!(before.iter().chain(behind).all(|x| x.is_nan()));
                }
            }
        }
    }
}

#[test]
fn numbers_are_multiplied_separately_too() {
    let (start, step) = (vec![3.0; BLOCK], vec![2.0; BLOCK]);
    let mut end = [0.0; BLOCK];
    let block = Block { multiplier: 1.0, start: &start, step: &step, end: &mut end };
    // SAFETY: every CPU multiplies and adds.
    unsafe { Isa::Portable.run(Chains::<f64, Scalars<false>>::new(block)) };
    assert_eq!(end, [3.0 + 2.0 * LENGTH as f32; BLOCK]);
}
