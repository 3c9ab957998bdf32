use super::*;
use crate::terms::{Dtype, Format};
use crate::workload::find;

#[test]
fn work_is_counted_as_stream_does() {
    for (name, flop, arrays) in [
        ("stream-copy", 0, 2),
        ("stream-scale", 1, 2),
        ("stream-add", 1, 3),
        ("stream-triad", 2, 3),
        ("stream-dot", 2, 2),
    ] {
        let workload = find(name).unwrap();
        let shape = workload.shape("bytes=4000").unwrap();
        let counts = (workload.work(&shape).flop_count, workload.bytes_moved(&shape, Dtype::F32));
        assert_eq!(counts, (1000 * flop, 4000 * arrays), "{name}");
    }
}

#[test]
fn references_are_right() {
    let inputs = [vec![1.0, -2.0, 3.0], vec![5.0, 6.0, -7.0]].map(Tensor::from);
    for (name, expected) in [
        ("stream-copy", vec![1.0, -2.0, 3.0]),
        ("stream-scale", vec![3.0, -6.0, 9.0]),
        ("stream-add", vec![6.0, 4.0, -4.0]),
        ("stream-triad", vec![16.0, 16.0, -18.0]),
        ("stream-dot", vec![-28.0]),
    ] {
        let workload = find(name).unwrap();
        let shape = workload.shape("bytes=12").unwrap();
        let sums = workload.exact_sums().unwrap();
        let reference = sums.reference(&shape, &inputs, None);
        assert_eq!(reference.value, expected, "{name}");
        let output = Tensor::rounded(Format::F32, expected.iter().copied());
        let signs = Generator::new(1, 1);
        let form = sums.expected_form(&shape, &inputs, signs);
        assert_eq!(sums.form(&shape, output.view(), signs), form);
        let wrong = Tensor::rounded(Format::F32, expected.iter().map(|v| v + 1.0));
        assert_ne!(sums.form(&shape, wrong.view(), signs), form);
    }
}

#[test]
fn a_sweep_goes_from_the_first_cache_to_memory() {
    const MIB: u64 = 1 << 20;
    let workload = find("stream-triad").unwrap();
    // Nothing told, a small cache, a usual one, the one of a host, and nonsense.
    for (cache, quick, largest) in
        [(0, 64, 256), (1, 64, 64), (32, 64, 128), (300, 256, 256), (u64::MAX / MIB, 256, 256)]
    {
        let host = Host { last_level_cache_bytes: cache * MIB, ..Host::default() };
        for (preset, last) in
            [(Preset::Quick, quick), (Preset::Standard, largest), (Preset::Full, largest)]
        {
            let entries = workload.preset(preset, &host);
            let sizes: Vec<u64> = entries.iter().map(|e| e.shape.get("bytes")).collect();
            assert_eq!(sizes.last(), Some(&(last * MIB)), "{cache} {preset:?}");
            assert!(sizes[0] < 2 * MIB && sizes.is_sorted(), "{sizes:?}");
        }
    }
}

#[test]
fn arrays_leave_most_of_the_free_memory_free() {
    let workload = find("stream-triad").unwrap();
    for (free, largest) in [(1 << 30, 32 << 20), (100, 16 << 10), (1 << 40, 256 << 20)] {
        let host = Host { free_memory_bytes: free, ..Host::default() };
        let entries = workload.preset(Preset::Standard, &host);
        assert_eq!(entries.last().map(|e| e.shape.get("bytes")), Some(largest));
    }
}
