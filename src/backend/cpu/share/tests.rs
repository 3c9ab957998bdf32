use super::*;

#[test]
fn parts_cover_a_length_once() {
    for length in [0, 1, 15, 16, 17, 100, 1000] {
        for (parts, unit) in [1, 2, 3, 7, 16].map(|parts| (parts, [1, 6, 16])) {
            for unit in unit {
                let all = (0..parts).map(|i| even_part_of_units(length, unit, parts, i));
                let all: Vec<_> = all.collect();
                assert!(all[0].start == 0 && all[parts - 1].end == length);
                assert!(all.windows(2).all(|two| two[0].end == two[1].start));
                assert!(all.iter().all(|part| part.start.is_multiple_of(unit) || part.is_empty()));
                let units = || all.iter().map(|part| part.len().div_ceil(unit));
                assert!(units().max().unwrap() - units().min().unwrap() <= 1);
            }
        }
    }
}

#[test]
#[should_panic(expected = "assertion failed")]
fn parts_end_inside_the_slice() {
    let mut numbers = [0; 4];
    // SAFETY: nothing else refers to the numbers.
    unsafe { Each::new(&mut numbers).part(2, 3) };
}
