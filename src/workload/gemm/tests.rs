use super::*;
use crate::tensor::{Data, Operands};
use crate::terms::Format;

fn shape(values: [u64; 5]) -> Shape {
    batched(values, 1)
}

fn batched([m, n, k, ta, tb]: [u64; 5], batch: u64) -> Shape {
    Shape::of(AXES, &[m, n, k, ta, tb, batch])
}

fn inputs(shape: &Shape, data: Data) -> Operands {
    data.operands(Format::F32, &Gemm.inputs(shape))
}

#[test]
fn work_of_a_known_product() {
    let work = Gemm.work(&shape([2, 3, 4, 0, 1]));
    assert_eq!(work.flop_count, 48);
    assert_eq!(work.elements_moved, 8 + 12 + 6);
    assert_eq!(work.bytes_moved(Format::Bf16), 2 * (8 + 12 + 6));
    let of_five = Gemm.work(&batched([2, 3, 4, 0, 1], 5));
    assert_eq!((of_five.flop_count, of_five.elements_moved), (5 * 48, 5 * 26));
}

#[test]
fn a_product_by_hand_in_all_four_storages() {
    // [1 2; 3 4] [5 6; 7 8] = [19 22; 43 50]
    let a = [vec![1.0, 2.0, 3.0, 4.0], vec![1.0, 3.0, 2.0, 4.0]];
    let b = [vec![5.0, 6.0, 7.0, 8.0], vec![5.0, 7.0, 6.0, 8.0]];
    for (ta, tb) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        let shape = shape([2, 2, 2, ta, tb]);
        let data = [&a[ta as usize], &b[tb as usize]].map(|v| Tensor::from(v.clone()));
        let all = Gemm.reference(&shape, &data, None);
        assert_eq!(all.value, [19.0, 22.0, 43.0, 50.0]);
        assert_eq!(all.magnitude, all.value);
        let some = Gemm.reference(&shape, &data, Some(&[1, 2]));
        assert_eq!(some.value, [22.0, 43.0]);
    }
}

#[test]
fn products_of_a_batch_are_those_of_each_pair_of_matrices() {
    for (ta, tb) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        let values = [7, 5, 3, ta, tb];
        let all = batched(values, 4);
        let data = inputs(&all, Data::Random(1));
        let reference = Gemm.reference(&all, &data, None);
        let signs = Generator::new(1, 0);
        let form = Gemm.expected_form(&all, &data, signs);
        for z in 0..4 {
            let part = |i: usize, length: usize| {
                let values = (z * length..(z + 1) * length).map(|e| data[i].get(e));
                Tensor::rounded(Format::F32, values)
            };
            let data = [part(0, 7 * 3), part(1, 3 * 5)];
            let one = Gemm.reference(&shape(values), &data, None);
            assert_eq!(one.value, reference.value[z * 35..][..35], "product {z}");
            assert_eq!(one.spread, reference.spread[z * 35..][..35], "product {z}");
            assert_eq!(Gemm.expected_form(&shape(values), &data, signs), form[z * 7..][..7]);
        }
    }
}

#[test]
fn whole_and_sampled_references_agree() {
    let one = [[7, 5, 13, 0, 0], [7, 5, 13, 1, 1], [1, 9, 4, 0, 1], [9, 1, 4, 1, 0]];
    let many = one.map(|values| batched(values, 3));
    for shape in one.map(shape).into_iter().chain(many) {
        let data = inputs(&shape, Data::Random(1));
        let all = Gemm.reference(&shape, &data, None);
        let at: Vec<usize> = (0..Gemm.output(&shape)).collect();
        let some = Gemm.reference(&shape, &data, Some(&at));
        for i in at {
            assert!((all.value[i] - some.value[i]).abs() < 1e-12);
            assert!((all.magnitude[i] - some.magnitude[i]).abs() < 1e-12);
        }
    }
}

#[test]
fn the_form_shows_any_single_wrong_element() {
    let one = [[6, 5, 9, 0, 0], [6, 5, 9, 1, 0], [6, 5, 9, 0, 1], [6, 5, 9, 1, 1]];
    for shape in one.map(shape).into_iter().chain([batched(one[1], 3)]) {
        let data = inputs(&shape, Data::Integers { seed: 1, most: 8 });
        let right = Gemm.reference(&shape, &data, None).value;
        let mut output = Tensor::rounded(Format::F32, right.into_iter());
        let signs = Generator::new(1, 0);
        let expected = Gemm.expected_form(&shape, &data, signs);
        assert_eq!(Gemm.form(&shape, output.view(), signs), expected);
        for i in 0..output.len() {
            let kept = output.get(i);
            for wrong in [kept + 1.0, kept + 1e-3, f64::NAN, f64::INFINITY] {
                output.set(i, wrong);
                let found = Gemm.form(&shape, output.view(), signs);
                assert_ne!(found, expected, "{shape} element {i} as {wrong}");
            }
            output.set(i, kept);
        }
    }
}

#[test]
fn deepbench_has_160_products_in_row_major_terms() {
    let list = deepbench();
    assert_eq!(list.len(), 160);
    // "1760,16,1760,N,N" is the first line.
    assert_eq!(list[0].shape.to_string(), "m=16,n=1760,k=1760,ta=0,tb=0");
    let turned = list.iter().find(|e| e.layer.ends_with("T N")).unwrap();
    assert_eq!((turned.shape.get("ta"), turned.shape.get("tb")), (0, 1));
    let over = |e: &&Entry| Gemm.work(&e.shape).flop_count > 6_000_000_000;
    assert_eq!(
        list.iter().filter(over).count(),
        list.iter().filter(|e| e.needs_budget.is_some()).count()
    );
}
