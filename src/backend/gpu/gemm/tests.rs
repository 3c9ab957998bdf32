use super::super::tuned::classes;
use super::*;

fn product([m, n, k]: [usize; 3], dtype: Dtype) -> Product {
    Product { batch: 1, m, n, k, ta: 0, tb: 0, lda: k, ldb: n, dtype }
}

const DTYPES: [Dtype; 3] = [Dtype::F32, Dtype::F64, Dtype::Bf16];

/// The rules at the top of local.cl and register.cl, for every class, dtype and case.
#[test]
fn shipped_parameters_are_legal() {
    for (class, dtype) in classes().into_iter().flat_map(|c| DTYPES.map(|dtype| (c, dtype))) {
        let tuned = Tuned::of_class(class);
        let p = product([100, 100, 100], dtype);
        let chosen = |name, cases: &[&str]| p.chosen(tuned.at(None), name, cases);
        for parameters in [chosen("local", &[]), chosen("local", &["unaligned"])] {
            let get = |name| parameters.get(name);
            let items = get("TM") / get("WM") * (get("TN") / get("WN"));
            assert!(get("TM").is_multiple_of(get("WM")) && get("WM").is_multiple_of(4), "{class}");
            assert!(get("TN").is_multiple_of(get("WN")) && get("WN").is_multiple_of(4), "{class}");
            assert!((get("TM") * get("TK")).is_multiple_of(items * get("VA")), "{class}");
            assert!((get("TN") * get("TK")).is_multiple_of(items * get("VB")), "{class}");
            let local_bytes = p.sum_bytes(Tile::local(&parameters).numbers);
            assert!(local_bytes <= 32 << 10 && items <= 256, "{class} {dtype:?}");
        }
        let packed = packed_parameters(tuned.at(None), &p);
        assert_eq!(packed.is_some(), class == "cpu", "{class}");
        let naive = tuned.parameters("gemm", "naive");
        assert!(naive.get("LX") > 0 && naive.get("LY") > 0, "{class}");
        let register = chosen("register", &[]);
        assert!(register.get("WN").is_multiple_of(register.get("V")), "{class}");
        assert!(register.get("KU").is_multiple_of(register.get("V")), "{class}");
    }
}

#[test]
fn packed_blocks_cover_c_and_fit_local_memory() {
    let tuned = Tuned::of_class("cpu");
    let sizes = [[1, 1, 1], [256, 256, 256], [64, 3136, 576], [512, 49, 4608], [9, 9999, 9]];
    for (size, dtype) in sizes.iter().flat_map(|s| [Dtype::F32, Dtype::F64].map(|d| (*s, d))) {
        let p = product(size, dtype);
        let base = packed_parameters(tuned.at(None), &p).unwrap();
        for local_memory in [32 << 10, 256 << 10, 1 << 20] {
            for threads in [1, 2, 64] {
                let parameters = packed_blocks(&p, &base, local_memory);
                let launch = packed_launch(&parameters, [p.m, p.n, 1], threads);
                let [rows, columns, _] = launch.global;
                let (nc, kc) = (parameters.get("NC"), parameters.get("KC"));
                assert!(rows >= 1 && columns >= p.n.div_ceil(nc));
                assert!(kc >= 16 && kc % 16 == 0 && nc % (16 * base.get("NV")) == 0);
                assert!(p.sum_bytes(nc * kc) <= local_memory as u64);
            }
        }
    }
}
