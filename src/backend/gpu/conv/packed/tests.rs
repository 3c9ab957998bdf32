use super::super::super::tuned::Tuned;
use super::*;

fn conv(sizes: [usize; 7], stride: usize, groups: usize) -> Conv {
    let [n, c, h, w, k, r, s] = sizes;
    let (pad, dilation) = ([r / 2, s / 2], [1, 1]);
    Conv { n, c, h, w, k, r, s, stride: [stride; 2], pad, dilation, groups }
}

fn convs() -> [Conv; 7] {
    [
        conv([1, 1, 1, 1, 1, 1, 1], 1, 1),
        conv([8, 3, 224, 224, 64, 7, 7], 2, 1),
        conv([8, 512, 7, 7, 512, 3, 3], 1, 1),
        conv([8, 64, 56, 56, 256, 1, 1], 1, 1),
        conv([2, 32, 9, 9, 64, 3, 3], 3, 4),
        conv([1, 5, 40, 40, 7, 31, 33], 2, 1),
        conv([8, 128, 28, 28, 128, 3, 3], 1, 128),
    ]
}

/// The rules at the top of packed_tile.cl, on devices of all sizes.
fn check(plan: &Plan, columns: usize, gn: usize, local_memory: usize) {
    let get = |name| plan.parameters.get(name);
    let nr = 16 * get("NV");
    assert!(get("MR") >= 1 && get("MC") >= get("MR") && get("MC").is_multiple_of(get("MR")));
    assert!(get("NC") >= nr && get("NC").is_multiple_of(nr), "{plan:?}");
    assert!(get("KC") >= 16 && get("KC").is_multiple_of(16), "{plan:?}");
    assert!(get("PANEL") >= 16 * get("NC"), "{plan:?}");
    // Even shares in whole panels are what the kernels' tables must hold.
    assert!(columns.div_ceil(nr).div_ceil(gn) * nr <= get("NC"), "{plan:?}");
    assert!(plan.global.iter().all(|size| *size >= 1), "{plan:?}");
    assert!(plan.local_bytes <= local_memory as u64, "{plan:?}");
}

#[test]
fn plans_cover_the_result_and_fit_local_memory() {
    let tuned = Tuned::of_class("cpu");
    for local_memory in [32 << 10, 64 << 10, 256 << 10, 1 << 20] {
        for threads in [1, 2, 64] {
            let machine = Machine { local_memory, threads };
            for conv in convs() {
                for pass in [Pass::Fprop, Pass::Dgrad] {
                    let base = base(tuned.at(None), &conv, pass).unwrap();
                    let plan = data_plan(&conv, &base, machine, pass);
                    let [high, wide] = if pass == Pass::Dgrad {
                        [conv.h.div_ceil(conv.stride[0]), conv.w.div_ceil(conv.stride[1])]
                    } else {
                        [conv.p(), conv.q()]
                    };
                    check(&plan, conv.n * high * wide, plan.global[1], local_memory);
                }
                let base = base(tuned.at(None), &conv, Pass::Wgrad).unwrap();
                let (plan, splits) = filters_plan(&conv, &base, machine);
                let columns = conv.group_c() * conv.r * conv.s;
                check(&plan, columns, plan.global[1], local_memory);
                assert_eq!(plan.global[2], splits * conv.groups);
                assert!(splits == 1 || splits * conv.f_len() <= MOST_SCRATCH);
            }
        }
    }
}

#[test]
fn no_class_of_gpus_has_them() {
    for class in ["gpu", "nvidia", "amd", "mali"] {
        assert!(
            base(Tuned::of_class(class).at(None), &convs()[0], Pass::Fprop).is_err(),
            "{class}"
        );
    }
}
