use super::*;
use crate::tensor::{Data, Operands};
use crate::terms::Format;

const PASSES: [Convolution; 3] = [FPROP, DGRAD, WGRAD];

fn inputs(pass: &Convolution, shape: &Shape, data: Data) -> Operands {
    data.operands(Format::F32, &pass.inputs(shape))
}

fn parse(text: &str) -> Result<Shape, String> {
    let shape = FPROP.shape(text).map_err(|e| e.to_string())?;
    FPROP.validate(&shape).map(|()| shape)
}

/// x = [1 2 3; 4 5 6; 7 8 9], f = [1 2; 3 4].
#[test]
fn a_convolution_by_hand() {
    let x = Tensor::from((1..=9).map(|i| i as f32).collect::<Vec<f32>>());
    let f = Tensor::from(vec![1.0, 2.0, 3.0, 4.0]);
    let shape = parse("n=1,c=1,h=3,w=3,k=1,r=2,s=2").unwrap();
    let y = FPROP.reference(&shape, &[x.clone(), f.clone()], None);
    assert_eq!(y.value, [37.0, 47.0, 67.0, 77.0]);
    let dy = Tensor::from(vec![1.0, 0.0, 0.0, -1.0]);
    let dx = DGRAD.reference(&shape, &[dy.clone(), f], None);
    assert_eq!(dx.value, [1.0, 2.0, 0.0, 3.0, 3.0, -2.0, 0.0, -3.0, -4.0]);
    assert_eq!(dx.magnitude[4], 5.0);
    let df = WGRAD.reference(&shape, &[dy, x], None);
    assert_eq!(df.value, [1.0 - 5.0, 2.0 - 6.0, 4.0 - 8.0, 5.0 - 9.0]);
}

/// The definition, written as it is in the docs of `Conv`.
#[test]
fn the_forward_pass_is_its_definition() {
    for shape in lists::awkward().iter().filter(|s| FPROP.work(s).flop_count < 1 << 22) {
        let conv = Conv::of(shape);
        let data = inputs(&FPROP, shape, Data::Integers { seed: 5, most: 8 });
        let all = FPROP.reference(shape, &data, None);
        let mut element = 0;
        for n in 0..conv.n {
            for k in 0..conv.k {
                for p in 0..conv.p() {
                    for q in 0..conv.q() {
                        let mut sum = 0.0;
                        for cg in 0..conv.group_c() {
                            let c = k / conv.group_k() * conv.group_c() + cg;
                            for r in 0..conv.r {
                                for s in 0..conv.s {
                                    let at =
                                        |o: usize, stride: usize, tap: usize, dilation, pad| {
                                            (o * stride + tap * dilation) as isize - pad as isize
                                        };
                                    let i = at(p, conv.stride[0], r, conv.dilation[0], conv.pad[0]);
                                    let j = at(q, conv.stride[1], s, conv.dilation[1], conv.pad[1]);
                                    let inside = (0..conv.h as isize).contains(&i)
                                        && (0..conv.w as isize).contains(&j);
                                    if inside {
                                        let x = ((n * conv.c + c) * conv.h + i as usize) * conv.w
                                            + j as usize;
                                        let f =
                                            ((k * conv.group_c() + cg) * conv.r + r) * conv.s + s;
                                        sum += data[0].get(x) * data[1].get(f);
                                    }
                                }
                            }
                        }
                        assert_eq!(all.value[element], sum, "{shape} element {element}");
                        element += 1;
                    }
                }
            }
        }
    }
}

/// `<y, conv(x)> = <conv^T(y), x> = <wgrad(y, x), f>`: the gradients are those of the forward pass.
#[test]
fn the_gradients_are_adjoint_to_the_forward_pass() {
    for shape in lists::awkward().iter().filter(|s| FPROP.work(s).flop_count < 1 << 24) {
        let data = Data::Integers { seed: 3, most: 8 };
        let x = data.fill(0, Format::F32, FPROP.inputs(shape)[0]);
        let f = data.fill(1, Format::F32, FPROP.inputs(shape)[1]);
        let dy = data.fill(2, Format::F32, FPROP.output(shape));
        let dot =
            |a: &[f64], b: &Tensor| a.iter().zip(b.to_f64s()).map(|(a, b)| a * b).sum::<f64>();
        let y = FPROP.reference(shape, &[x.clone(), f.clone()], None).value;
        let dx = DGRAD.reference(shape, &[dy.clone(), f.clone()], None).value;
        let df = WGRAD.reference(shape, &[dy.clone(), x.clone()], None).value;
        assert_eq!(dot(&y, &dy), dot(&dx, &x), "{shape}");
        assert_eq!(dot(&y, &dy), dot(&df, &f), "{shape}");
    }
}

#[test]
fn whole_and_sampled_references_agree() {
    for pass in &PASSES {
        for shape in lists::awkward().iter().filter(|s| pass.work(s).flop_count < 1 << 22) {
            let data = inputs(pass, shape, Data::Integers { seed: 2, most: 8 });
            let all = pass.reference(shape, &data, None);
            let at: Vec<usize> = (0..pass.output(shape)).collect();
            assert_eq!(pass.reference(shape, &data, Some(&at)), all, "{} {shape}", pass.name());
        }
    }
}

#[test]
fn forms_are_linear_forms_of_the_output() {
    for pass in &PASSES {
        for shape in lists::awkward().iter().filter(|s| pass.work(s).flop_count < 1 << 24) {
            let data = inputs(pass, shape, Data::Integers { seed: 1, most: 8 });
            let output = pass.reference(shape, &data, None).value;
            let output = Tensor::rounded(Format::F32, output.into_iter());
            let signs = Generator::new(1, 7);
            let expected = pass.expected_form(shape, &data, signs);
            assert_eq!(pass.form(shape, output.view(), signs), expected, "{} {shape}", pass.name());
        }
    }
}

#[test]
fn a_form_shows_any_single_wrong_element() {
    for pass in &PASSES {
        for text in [
            "n=2,c=3,h=5,w=4,k=4,r=3,s=2,stride_h=2,pad=1",
            "n=2,c=4,h=4,w=4,k=6,r=3,s=3,pad=1,groups=2",
        ] {
            let shape = parse(text).unwrap();
            let data = inputs(pass, &shape, Data::Integers { seed: 1, most: 8 });
            let right = pass.reference(&shape, &data, None).value;
            let mut output = Tensor::rounded(Format::F32, right.into_iter());
            let signs = Generator::new(1, 0);
            let expected = pass.expected_form(&shape, &data, signs);
            for i in 0..output.len() {
                let kept = output.get(i);
                for wrong in [kept + 1.0, kept - 1e-3, f64::NAN, f64::INFINITY] {
                    output.set(i, wrong);
                    assert_ne!(
                        pass.form(&shape, output.view(), signs),
                        expected,
                        "{text} element {i}"
                    );
                }
                output.set(i, kept);
            }
        }
    }
}

#[test]
fn work_of_a_known_layer() {
    // The second layer of ResNet-50, 3 x 3 over 56 x 56 with padding 1.
    let shape = parse("n=8,c=64,h=56,w=56,k=64,r=3,s=3,pad=1").unwrap();
    for pass in &PASSES {
        let work = pass.work(&shape);
        assert_eq!(work.flop_count, 2 * 8 * 64 * 56 * 56 * 64 * 9);
        // (3 56 - 2) of 3 56 taps in each direction.
        assert_eq!(work.flop_exact, 2 * 8 * 64 * 64 * 166 * 166);
        assert_eq!(work.elements_moved, (2 * 8 * 64 * 56 * 56 + 64 * 64 * 9));
    }
}

#[test]
fn exact_work_counts_the_products_there_are() {
    for shape in lists::awkward().iter().filter(|s| FPROP.work(s).flop_count < 1 << 20) {
        let ones = |len: &usize| Tensor::from(vec![1.0; *len]);
        let ones: Vec<Tensor> = FPROP.inputs(shape).iter().map(ones).collect();
        let products: f64 = FPROP.reference(shape, &ones, None).value.iter().sum();
        assert_eq!(FPROP.work(shape).flop_exact, 2 * products as u64, "{shape}");
    }
}

#[test]
fn what_does_not_fit_is_named() {
    for (text, part) in [
        (
            "n=1,c=3,h=4,w=4,k=8,r=5,s=3",
            "the filter's 5 are more than the 4 of the padded image (r",
        ),
        ("n=1,c=3,h=4,w=4,k=8,r=3,s=3,dilation=2", "the filter's 5, dilation included, are more"),
        ("n=1,c=3,h=4,w=4,k=8,r=3,s=5", "(s and w)"),
        ("n=1,c=3,h=4,w=4,k=8,r=3,s=3,groups=2", "groups=2 does not divide c=3"),
        ("n=1,c=4,h=4,w=4,k=7,r=3,s=3,groups=2", "groups=2 does not divide k=7"),
        ("n=1,c=3,h=4,w=4,k=8,r=3,s=3,stride=0", "stride_h=0 is out of range"),
        ("n=1000000000,c=100000,h=1000000,w=1,k=1,r=1,s=1", "beyond any memory"),
        ("n=1,c=1,h=1,w=1,k=1,r=1,s=1,pad=1000000000000", "beyond any memory"),
        ("n=1,c=1,h=1,w=1,k=1,r=1099511627776,s=1,dilation=1099511627776", "are more than"),
    ] {
        let error = parse(text).unwrap_err();
        assert!(error.contains(part), "{text}: {error}");
    }
}

#[test]
fn lists_are_what_they_are_called() {
    let total = |preset| {
        let entries = lists::preset(preset);
        let flop = entries.iter().map(|e| e.repeat * FPROP.work(&e.shape).flop_count).sum::<u64>();
        (entries.len(), flop as f64)
    };
    let near = |(lines, flop): (usize, f64), expected: (usize, f64)| {
        assert_eq!(lines, expected.0);
        assert!((flop / expected.1 - 1.0).abs() < 0.01, "{flop:e}");
    };
    // Multiply-adds an image as published for torchvision's models, without the linear layers: 4.09
    // and 15.35 thousand million.
    near(total(Preset::ResNet50), (23, 8.0 * 2.0 * 4.087e9));
    near(total(Preset::Vgg16), (9, 8.0 * 2.0 * 15.35e9));
    assert_eq!(total(Preset::UNet).0, 13);
    assert_eq!(total(Preset::DeepBench).0, 94);
    for preset in Preset::ALL {
        for entry in lists::preset(preset) {
            assert_eq!(FPROP.validate(&entry.shape), Ok(()));
        }
    }
}

#[test]
fn probes_hold_corners_and_stay_inside() {
    for pass in &PASSES {
        for shape in lists::awkward() {
            let length = pass.output(&shape);
            let probes = pass.probes(&shape, (8, 48), 512);
            assert!(probes.contains(&0) && probes.contains(&(length - 1)), "{shape}");
            assert!(probes.iter().all(|p| *p < length), "{shape}");
            assert!(length < 4096 || probes.len() == 512, "{shape}");
        }
    }
}

#[test]
fn labels_are_short() {
    let label = |text| lists::label(&Conv::of(&parse(text).unwrap()));
    assert_eq!(label("n=8,c=64,h=56,w=56,k=256,r=3,s=3,pad=1"), "8×64×56² → 256, 3²");
    assert_eq!(label("n=8,c=3,h=224,w=224,k=64,r=7,s=7,stride=2,pad=3"), "8×3×224² → 64, 7²/2");
    assert_eq!(label("n=1,c=1,h=9,w=8,k=2,r=3,s=1"), "1×1×9×8 → 2, 3×1 pad 0");
    assert_eq!(label("n=1,c=4,h=9,w=9,k=4,r=1,s=1,groups=4"), "1×4×9² → 4, 1² depthwise");
}
