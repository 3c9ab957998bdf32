use super::*;
use crate::backend::gpu::Target;

#[test]
fn every_shipped_file_is_read_and_names_a_default() {
    for (class, text) in SHIPPED {
        text.parse::<Table>().unwrap_or_else(|e| panic!("{class}: {e}"));
        let tuned = Tuned::of_class(class);
        for dtype in [Dtype::F32, Dtype::F64, Dtype::Bf16] {
            let name = tuned.implementation("gemm", dtype);
            let name = name.unwrap_or_else(|| panic!("{class}"));
            assert!(tuned.find("gemm", &name).is_some(), "{class}: {name}");
        }
    }
}

#[test]
fn special_cases_lie_on_top() {
    let tuned = Tuned::of_class("nvidia");
    let plain = tuned.parameters("gemm", "local");
    let odd = tuned.specials("gemm", "local", &["unaligned"]);
    assert_eq!((plain.get("VA"), odd.get("VA")), (4, 1));
    assert_eq!(plain.get("TM"), odd.get("TM"));
    assert!(plain.options().contains("-D TM=128"));
    assert!(plain.options().contains("-D RESTRICT="), "{}", plain.options());
}

#[test]
fn pinned_parameters_are_for_one_kernel_and_class_of_shapes() {
    let target = Target::made_up("nvidia");
    let tunables = target.tunables();
    let tunable = tunables.iter().find(|t| t.name() == "gemm local small").unwrap();
    let point = Point::of(&[("TM", 32), ("DB", 0)]);
    let pinned = target.tuned.at(Some(Pinned { tunable, point: &point }));
    let free = target.tuned.at(None);
    let there = pinned.chosen("gemm", "local", &[], "small");
    assert_eq!((there.get("TM"), there.get("DB")), (32, 0));
    assert_eq!(there.get("TN"), free.chosen("gemm", "local", &[], "small").get("TN"));
    for (implementation, class) in [("local", "large"), ("register", "small")] {
        let [a, b] = [pinned, free].map(|t| t.chosen("gemm", implementation, &[], class));
        assert_eq!(a, b, "{implementation} {class}");
    }
    let [a, b] = [pinned, free].map(|t| t.in_dtype(Dtype::F64));
    let [a, b] = [a, b].map(|t| t.chosen("gemm", "local", &[], "small"));
    assert_eq!(a, b, "another dtype");
}

#[test]
fn a_dtype_has_its_own_default_and_its_own_parameters() {
    let tuned = Tuned::of_class("cpu");
    let names = [Dtype::F32, Dtype::F64, Dtype::Bf16].map(|d| tuned.implementation("gemm", d));
    assert_eq!(names.map(Option::unwrap), ["packed", "packed", "register"]);
    let panels = |dtype| tuned.at(None).in_dtype(dtype).chosen("gemm", "packed", &[], "large");
    assert_eq!((panels(Dtype::F32).get("NV"), panels(Dtype::F64).get("NV")), (4, 2));
}

#[test]
fn a_class_without_an_implementation_has_the_general_one() {
    let general = Tuned::of_class("gpu").parameters("gemm", "local");
    assert_eq!(Tuned::of_class("cpu").parameters("gemm", "local"), general);
    assert_eq!(Tuned::of_class("unheard-of").parameters("gemm", "local"), general);
}
