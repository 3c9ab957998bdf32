use super::*;

#[test]
fn integers_reach_both_ends_and_no_further() {
    let data: Vec<f32> = Data::Integers { seed: 3, most: 2 }.values(0, 1000);
    for value in -2..=2 {
        assert!(data.contains(&(value as f32)));
    }
    assert!(data.iter().all(|v| v.abs() <= 2.0 && v.fract() == 0.0));
    let signs: Vec<f32> = Data::Signs(3).values(0, 1000);
    assert!(signs.iter().all(|v| v.abs() == 1.0) && signs.iter().sum::<f32>().abs() < 200.0);
}

#[test]
fn a_share_of_the_first_operand_is_not_zero() {
    let data = Data::Sparse { seed: 3, share: 0.25 };
    let [first, second]: [Vec<f64>; 2] = [0, 1].map(|tensor| data.values(tensor, 4000));
    let kept = first.iter().filter(|v| v.abs() == 1.0).count();
    assert!(
        (900..1100).contains(&kept) && first.iter().filter(|v| **v == 0.0).count() == 4000 - kept
    );
    assert!(second.iter().all(|v| v.abs() == 1.0));
}

#[test]
fn the_first_operand_lies_around_a_number_or_is_one() {
    let around: Vec<f32> = Data::Around { seed: 3, centre: 4096.0, spread: 1.0 }.values(0, 1000);
    assert!(around.iter().all(|v| (4095.0..=4097.0).contains(v)));
    let mean = around.iter().map(|v| f64::from(*v)).sum::<f64>() / 1000.0;
    assert!((mean - 4096.0).abs() < 0.1 && around[0] != around[1], "{mean}");
    let level = Data::Around { seed: 3, centre: 0.5, spread: 0.0 };
    assert_eq!(level.values::<f32>(0, 9), [0.5; 9]);
    assert_eq!(level.values::<f32>(1, 9), Data::Random(3).values::<f32>(1, 9));
}

/// Data of f64 that f32 could hold would not show who computes in f32.
#[test]
fn random_data_fill_the_whole_significand() {
    let data = Data::Random(1);
    let doubles: Vec<f64> = data.values(0, 1000);
    assert!(doubles.iter().all(|v| (-1.0..1.0).contains(v)));
    assert!(doubles.iter().filter(|v| f64::from(**v as f32) != **v).count() > 990);
    let floats: Vec<f32> = data.values(0, 1000);
    assert!(floats.iter().zip(&doubles).all(|(f, d)| (f64::from(*f) - d).abs() < 2f64.powi(-22)));
}
