use super::*;
use crate::tensor::Data;

fn conv() -> Conv {
    let (stride, dilation) = ([1; 2], [1; 2]);
    Conv { n: 2, c: 3, h: 7, w: 9, k: 4, r: 3, s: 3, stride, pad: [1, 0], dilation, groups: 1 }
}

/// `M x M^T`, with signs.
fn signed(matrix: &[&[f64]], x: &[f64], size: usize) -> Vec<f64> {
    let n = matrix.len();
    let at = |i: usize, j: usize| {
        let row = |p: usize| (0..size).map(move |q| x[p * size + q] * matrix[j][q]);
        (0..size).map(|p| matrix[i][p] * row(p).sum::<f64>()).sum()
    };
    (0..n * n).map(|i| at(i / n, i % n)).collect()
}

/// A tile of one channel, by the transforms and by the definition.
#[test]
fn the_transforms_make_a_convolution() {
    for m in [2, 4] {
        let transform = Transform::of(m);
        let t = m + 2;
        let d: Vec<f64> = (0..t * t).map(|i| ((i * 7 + 3) % 11) as f64 - 5.0).collect();
        let g: Vec<f64> = (0..9).map(|i| ((i * 5 + 1) % 7) as f64 - 3.0).collect();
        let (input, filter) = (signed(transform.input, &d, t), signed(transform.filter, &g, 3));
        let products: Vec<f64> = input.iter().zip(&filter).map(|(a, b)| a * b).collect();
        let output = signed(transform.output, &products, t);
        for (place, found) in output.into_iter().enumerate() {
            let (i, j) = (place / m, place % m);
            let term = |tap: usize| d[(i + tap / 3) * t + j + tap % 3] * g[tap];
            let expected: f64 = (0..9).map(term).sum();
            assert!((found - expected).abs() < 1e-11, "{m} {place}: {found} {expected}");
        }
    }
}

/// The bound of the transforms is never below that of the sums themselves.
#[test]
fn magnitudes_are_at_least_those_of_the_sums() {
    let conv = conv();
    let x: Vec<f32> = Data::Random(1).values(0, conv.x_len());
    let f: Vec<f32> = Data::Random(1).values(1, conv.f_len());
    let direct = reference::all(Pass::Fprop, &conv, &x, &f);
    for m in [2, 4] {
        let all = transformed(Pass::Fprop, &conv, [&x, &f], m, (0, 2), None);
        assert_eq!((all.elements, all.value.clone()), (0..conv.y_len(), direct.value.clone()));
        for (found, least) in all.magnitude.iter().zip(&direct.magnitude) {
            assert!(*found >= least * (1.0 - 1e-12));
        }
        let second = transformed(Pass::Fprop, &conv, [&x, &f], m, (1, 2), None);
        assert_eq!(second.magnitude, all.magnitude[second.elements.clone()]);
        let known = transformed(Pass::Fprop, &conv, [&x, &f], m, (1, 2), Some(&all.value));
        assert_eq!(known, second);
    }
}

#[test]
fn the_gradient_is_a_convolution_of_its_own() {
    let conv = conv();
    let dy: Vec<f32> = Data::Random(1).values(0, conv.y_len());
    let f: Vec<f32> = Data::Random(1).values(1, conv.f_len());
    let expected = reference::all(Pass::Dgrad, &conv, &dy, &f).value;
    let found = transformed(Pass::Dgrad, &conv, [&dy, &f], 4, (0, 2), None);
    assert_eq!(found.elements, 0..conv.x_len());
    for (found, expected) in found.value.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-12);
    }
}

#[test]
fn products_are_counted() {
    let conv = Conv { pad: [1, 1], ..conv() };
    // 2 x 3 tiles of 4 x 4 outputs for 7 x 9, of 36 products each.
    assert_eq!(flop(&conv, 4, Pass::Fprop), 2 * 2 * 6 * 36 * 12);
    assert_eq!(flop(&conv, 4, Pass::Dgrad), 2 * 2 * 6 * 36 * 12);
}
