use super::*;
use crate::terms::DeviceKind;

const KERNELS: Kernels =
    Kernels { programs: &[], tuned: &[("gemm", "local", &["a"]), ("gemm", "register", &["b"])] };

fn entry(implementation: &str, class: &str, wall_s: f64) -> Entry {
    Entry {
        device: "device 1".into(),
        driver: "driver 1".into(),
        family: "gemm".into(),
        implementation: implementation.into(),
        shape_class: class.into(),
        dtype: Dtype::F32,
        source: KERNELS.hash("gemm", implementation).unwrap(),
        wall_s,
        default_s: 1.0,
        parameters: Point::of(&[("TM", 64), ("TN", 64), ("TK", 16), ("WM", 8), ("WN", 8)]),
        origin: Origin::User,
    }
}

fn device(name: &str, driver: &str) -> DeviceEntry {
    let mut entry = DeviceEntry::new("opencl:0".into(), DeviceKind::Gpu, name, "opencl");
    entry.driver = driver.to_string();
    entry
}

#[test]
fn a_changed_driver_or_kernel_makes_a_seed() {
    let origin =
        |entry: Entry, device: &DeviceEntry| Some(entry.on(device, &KERNELS, Origin::User)?.origin);
    let same = device("device 1", "driver 1");
    assert_eq!(origin(entry("local", "large", 1.0), &same), Some(Origin::User));
    let newer = device("device 1", "driver 2");
    let seed = |change| Some(Origin::Seed(Some(change)));
    assert_eq!(origin(entry("local", "large", 1.0), &newer), seed(Change::Driver));
    let changed = Entry { source: "0".into(), ..entry("local", "large", 1.0) };
    assert_eq!(origin(changed, &same), seed(Change::Source));
    let other = device("device 2", "driver 1");
    assert_eq!(origin(entry("local", "large", 1.0), &other), None);
}

#[test]
fn what_a_user_made_illegal_is_not_used() {
    let mut broken = entry("local", "large", 1.0);
    broken.parameters.0.insert("TM".into(), 7);
    let found = broken.on(&device("device 1", "driver 1"), &KERNELS, Origin::User).unwrap();
    assert_eq!(found.origin, Origin::Seed(None));
}

#[test]
fn files_hold_one_entry_for_each_class_and_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/er.toml");
    keep_in(&path, entry("local", "large", 2.0)).unwrap();
    keep_in(&path, entry("local", "small", 3.0)).unwrap();
    keep_in(&path, entry("local", "large", 1.0)).unwrap();
    let times: Vec<f64> = read(&path).iter().map(|e| e.wall_s).collect();
    assert_eq!(times, [1.0, 3.0]);
    keep_in(&path, Entry { dtype: Dtype::F64, ..entry("local", "large", 4.0) }).unwrap();
    assert_eq!(read(&path).len(), 3);
    let older = fs::read_to_string(&path).unwrap().replace("dtype = \"f32\"\n", "");
    fs::write(&path, older).unwrap();
    let dtypes: Vec<Dtype> = read(&path).iter().map(|e| e.dtype).collect();
    assert_eq!(dtypes, [Dtype::F32, Dtype::F64, Dtype::F32]);
    fs::write(&path, "found = 3").unwrap();
    assert_eq!(read(&path), []);
}

#[test]
fn the_fastest_implementation_is_chosen_over_all_classes() {
    let entries = [
        entry("local", "large", 1.0),
        entry("local", "small", 1.0),
        entry("register", "large", 0.7),
        entry("register", "small", 1.2),
    ];
    let gemm = ("gemm", Dtype::F32);
    assert_eq!(fastest(&entries, gemm, "local").as_deref(), Some("register"));
    assert_eq!(fastest(&entries, gemm, "register"), None);
    assert_eq!(fastest(&entries, ("gemm", Dtype::F64), "local"), None);
    // Half of the classes say nothing of the other half.
    assert_eq!(fastest(&entries[..3], gemm, "local"), None);
    assert_eq!(fastest(&entries, ("conv", Dtype::F32), "local"), None);
}

/// Another driver for CPUs begins where those that are known ended, and uses nothing of it unseen.
#[test]
fn what_is_shipped_for_others_is_where_a_search_begins() {
    let mut stranger = device("a CPU", "another driver");
    stranger.class = "cpu".to_string();
    let found = entries(&stranger, &KERNELS);
    assert!(!found.is_empty() && found.iter().all(|e| e.origin == Origin::Seed(None)));
    stranger.class = "nvidia".to_string();
    assert_eq!(entries(&stranger, &KERNELS), []);
}

#[test]
fn what_is_shipped_can_be_read() {
    for (class, text) in SHIPPED {
        assert!(toml::from_str::<File>(text).is_ok(), "{class}");
    }
}
