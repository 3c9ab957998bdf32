use super::*;

fn select(shapes: &[&str]) -> Selection {
    let shapes = shapes.iter().map(|s| s.to_string()).collect();
    Selection { shapes, ..Selection::default() }
}

#[test]
fn quick_is_a_sweep_of_cubes() {
    let cases = cases(&Selection::default()).unwrap();
    let gemm: Vec<&Case> = cases.iter().filter(|c| c.workload.name() == "gemm").collect();
    assert_eq!(gemm.len(), 5);
    assert!(gemm.iter().all(|c| c.rows[0].axis == "mnk" && c.skip.is_none()));
    assert_eq!(gemm[4].rows[0].axis_value, Some(2048));
}

#[test]
fn a_workload_is_computed_in_what_was_asked_for() {
    let selection = |dtypes: &[Dtype], workload: &str| Selection {
        dtypes: dtypes.to_vec(),
        workloads: vec![workload.to_string()],
        ..Selection::default()
    };
    let dtypes = |dtypes: &[Dtype], workload: &str| -> Vec<Dtype> {
        let mut found: Vec<Dtype> =
            cases(&selection(dtypes, workload)).unwrap().iter().map(|c| c.dtype).collect();
        found.dedup();
        found
    };
    assert_eq!(dtypes(&[], "gemm"), [Dtype::F32]);
    assert_eq!(dtypes(&[], "peak-fma"), [Dtype::F32, Dtype::F64, Dtype::F16]);
    assert_eq!(dtypes(&[Dtype::Bf16, Dtype::F32], "gemm"), [Dtype::F32, Dtype::Bf16]);
    let none = cases(&selection(&[Dtype::F64], "train-mlp")).err().unwrap().to_string();
    assert!(none.contains("no chosen workload is computed in f64"), "{none}");
}

#[test]
fn shapes_that_differ_in_one_axis_are_a_sweep() {
    let sweep = cases(&select(&["m=64,n=8,k=8", "m=16,n=8,k=8"])).unwrap();
    assert_eq!(sweep[0].rows[0].axis, "m");
    assert_eq!(sweep[0].rows[0].axis_value, Some(16));
    let cubes = cases(&select(&["m=16,n=16,k=16", "m=8,n=8,k=8"])).unwrap();
    assert_eq!(cubes[1].rows[0].axis, "mnk");
    let list = cases(&select(&["m=16,n=16,k=16", "m=8,n=9,k=8"])).unwrap();
    assert_eq!((list[0].rows[0].axis.as_str(), list[0].rows[0].axis_value), ("", None));
    assert_eq!(cases(&select(&["m=8,n=8,k=8", "k=8,m=8,n=8"])).unwrap().len(), 1);
}

#[test]
fn bad_selections_say_what_is_wrong() {
    let text = |s: &Selection| cases(s).err().map(|e| e.to_string()).unwrap_or_default();
    assert!(text(&select(&["m=8,k=8"])).contains("axis 'n' is missing"));
    assert!(text(&select(&["m=8,n=8,q=8"])).contains("q=8' names axes that no workload"));
    let huge = "m=1000000000,n=1000000000,k=1000";
    assert!(text(&select(&[huge])).contains("beyond any memory"));
    let unknown = Selection { workloads: vec!["gem".into()], ..Selection::default() };
    assert!(text(&unknown).contains("unknown workload 'gem'"));
    let preset = Selection { preset: "fast".into(), ..Selection::default() };
    assert!(text(&preset).contains("unknown preset 'fast'"));
}

#[test]
fn a_budget_lets_the_large_products_of_deepbench_in() {
    let mut selection = Selection { preset: "deepbench".into(), ..Selection::default() };
    let without = cases(&selection).unwrap();
    // 160 products, 94 convolutions in three passes.
    assert_eq!(without.iter().map(|c| c.rows.len()).sum::<usize>(), 160 + 3 * 94);
    assert!(without.iter().any(|c| c.skip.is_some()));
    selection.budget = Some(60.0);
    assert!(cases(&selection).unwrap().iter().all(|c| c.skip.is_none()));
}

/// Criterion cuts each part of a name at 64 bytes when it makes a folder of it.
#[test]
fn benchmark_names_are_short_and_unique() {
    for preset in Preset::ALL {
        let selection = Selection { preset: preset.name().into(), ..Selection::default() };
        let mut seen = HashSet::new();
        for case in cases(&selection).unwrap() {
            let id = bench_id(&case, &"opencl:10".into(), "winograd-f4-blocked", Scope::EndToEnd);
            assert!(id.function.len() <= 64 && id.value.len() <= 64, "{id:?}");
            assert!(seen.insert((case.workload.name(), id)), "{} twice", case.name());
        }
    }
}

#[test]
fn a_network_has_the_batch_that_the_user_chooses() {
    let batch = |shapes: &[&str]| {
        let shapes = shapes.iter().map(|s| s.to_string()).collect();
        let preset = "resnet50".to_string();
        cases(&Selection { preset, shapes, ..Selection::default() })
    };
    for (shapes, n) in [(&[][..], 8), (&["n=3"], 3)] {
        let cases = batch(shapes).unwrap();
        assert_eq!(cases.len(), 3 * 23);
        assert!(cases.iter().all(|c| c.shape.get("n") == n && c.rows[0].list == "resnet50"));
        let repeats = cases.iter().map(|c| c.rows[0].repeat).sum::<u64>();
        assert_eq!(repeats, 3 * 53);
    }
    assert!(batch(&["n=0"]).is_err() && batch(&["n=3", "n=4"]).is_err());
}

#[test]
fn equal_pairs_are_joined() {
    let joined = joined_pairs("n=8,stride_h=2,stride_w=2,pad_h=1,pad_w=2");
    assert_eq!(joined, "n=8,stride=2,pad_h=1,pad_w=2");
}

#[test]
fn a_sweep_gains_a_point() {
    let all = cases(&Selection::default()).unwrap();
    let extra = extra_point(&all[0], "mnk", 72).unwrap();
    assert_eq!(extra.shape.to_string(), "m=72,n=72,k=72,ta=0,tb=0");
    assert_eq!((extra.rows[0].axis.as_str(), extra.rows[0].axis_value), ("mnk", Some(72)));
    assert!(extra_point(&all[0], "bytes", 72).is_none());
}

#[test]
fn a_sweep_gains_only_what_the_workload_takes() {
    let conv = "n=1,h=8,w=8,r=3,s=3,pad=1,groups=16";
    let shapes = [16, 64].map(|c| format!("{conv},c={c},k={c}"));
    let workloads = vec!["conv-fprop".into()];
    let all = cases(&Selection { shapes: shapes.into(), workloads, ..Selection::default() });
    let like = &all.unwrap()[0];
    assert_eq!(like.rows[0].axis, "channels");
    assert!(extra_point(like, "channels", 40).is_none());
    assert_eq!(extra_point(like, "channels", 48).unwrap().shape.get("k"), 48);
}

/// A switch has no sizes, and 0 is one of the sizes of a padding.
#[test]
fn a_switch_is_no_sweep() {
    let product = cases(&select(&["m=8,n=8,k=8", "m=8,n=8,k=8,ta=1"])).unwrap();
    assert!(product.iter().all(|c| c.rows[0].axis.is_empty()));
    let conv = [0, 1, 2].map(|pad| format!("n=1,c=1,h=8,w=8,k=1,r=3,s=3,pad_h={pad}"));
    let workloads = vec!["conv-fprop".into()];
    let padded = cases(&Selection { shapes: conv.into(), workloads, ..Selection::default() });
    let values: Vec<_> = padded.unwrap().iter().map(|c| c.rows[0].axis_value).collect();
    assert_eq!(values, [Some(0), Some(1), Some(2)]);
}

#[test]
fn a_wider_transformer_gains_heads() {
    let transformer = Selection {
        preset: "standard".into(),
        workloads: vec!["train-transformer".into()],
        ..Selection::default()
    };
    let all = cases(&transformer).unwrap();
    for (value, heads) in [(96, 1), (192, 3), (384, 6), (768, 12)] {
        let extra = extra_point(&all[0], "d_model", value).unwrap();
        assert_eq!((extra.shape.get("d_model"), extra.shape.get("heads")), (value, heads));
        assert!(extra.workload.validate(&extra.shape).is_ok());
    }
    // The batch moves alone.
    let like = all.iter().find(|c| c.rows.iter().any(|r| r.axis == "batch")).unwrap();
    let extra = extra_point(like, "batch", 24).unwrap();
    assert_eq!(extra.shape.get("batch"), 24);
    assert_eq!(extra.shape.get("heads"), like.shape.get("heads"));
    assert_eq!((extra.rows.len(), extra.rows[0].axis.as_str()), (1, "batch"));
}

fn swept(sweeps: &[&str]) -> Result<Vec<Case>> {
    let sweeps = sweeps.iter().map(|text| text.to_string()).collect();
    cases(&Selection { sweeps, ..Selection::default() })
}

#[test]
fn every_family_is_a_sweep_of_its_own() {
    let cases = swept(&["m=n=64..256,k=64", "k=n=32..100,m=2k", "m=n=k=64..64"]).unwrap();
    assert!(
        cases.iter().all(|case| case.workload.name() == "gemm"),
        "the only one with these axes"
    );
    let rows: Vec<&PlanRow> = cases.iter().flat_map(|case| &case.rows).collect();
    let points = |axis: &str| {
        let own = rows.iter().filter(|row| row.axis == axis);
        own.map(|row| (row.axis_value.unwrap(), row.shape.as_str())).collect::<Vec<_>>()
    };
    let square = |k| move |size: u64| (size, format!("m={size},n={size},k={k},ta=0,tb=0"));
    let expected: Vec<_> = [64, 128, 256].map(square(64)).to_vec();
    let found: Vec<_> = points("m=n,k=64").into_iter().map(|(v, s)| (v, s.to_string())).collect();
    assert_eq!(found, expected);
    assert_eq!(points("n=k,m=2n").iter().map(|p| p.0).collect::<Vec<_>>(), [32, 64, 100]);
    // Cubes are called as in the presets, and what two sweeps share is measured once.
    assert_eq!(points("mnk"), [(64, "m=64,n=64,k=64,ta=0,tb=0")]);
    assert_eq!(cases.len(), 3 + 3);
    // A sweep that narrows its crossover down stays on its line.
    let like = cases.iter().find(|case| case.rows[0].axis == "n=k,m=2n").unwrap();
    let extra = extra_point(like, "n=k,m=2n", 48).unwrap();
    assert_eq!(extra.shape.to_string(), "m=96,n=48,k=48,ta=0,tb=0");
    assert_eq!(extra.rows[0].axis_value, Some(48));
    assert_eq!(like.workload.axis("n=k,m=2n").map(|axis| axis.name), Some("n"));
}

#[test]
fn a_point_of_two_sweeps_is_one_case_of_both() {
    let mut cases = swept(&["m=n=k=64..128", "m=n=32..128,k=96"]).unwrap();
    let extra = |cases: &[Case], axis: &str| {
        let like = cases.iter().find(|case| case.rows[0].axis == axis).unwrap();
        extra_point(like, axis, 96).unwrap()
    };
    let known = cases.len();
    for axis in ["mnk", "m=n,k=96"] {
        let point = extra(&cases, axis);
        assert!(add(&mut cases, point.clone()), "{axis}");
        assert!(!add(&mut cases, point), "{axis} again");
    }
    assert_eq!(cases.len(), known + 1);
    let axes: Vec<&str> = cases[known].rows.iter().map(|row| row.axis.as_str()).collect();
    assert_eq!(axes, ["mnk", "m=n,k=96"]);
}

#[test]
fn what_is_no_family_of_any_workload_is_refused() {
    for (sweeps, what) in [
        (&["m=n=k"][..], "nothing grows"),
        (&["m=k=1..8"], "axis 'n' of gemm is missing"),
        (&["m=n=k=1..1000000000"], "take more than 64 TiB"),
        (&["width=64..128,m=3"], "there is no axis 'width'"),
    ] {
        let error = swept(sweeps).err().unwrap().to_string();
        assert!(error.contains(what) && !error.contains('\n'), "{error}");
    }
}

#[test]
fn blob_has_fourteen_families_in_both_precisions() {
    let preset = Preset::Blob.name().to_string();
    let cases = cases(&Selection { preset, ..Selection::default() }).unwrap();
    let mut families: Vec<(&str, Dtype)> =
        cases.iter().flat_map(|c| &c.rows).map(|r| (r.axis.as_str(), r.dtype)).collect();
    families.sort_by_key(|(axis, dtype)| (*axis, dtype.name()));
    families.dedup();
    assert_eq!(families.len(), 2 * (9 + 5), "{families:?}");
    let is_small = |c: &Case| c.workload.work(&c.shape).elements_moved <= 48 << 20;
    assert!(cases.iter().all(is_small));
}
