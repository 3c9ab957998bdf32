//! Kernels on every OpenCL device that is here, on Oclgrind, and what happens where there is none.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use serde_json::Value;
use support::{crossover, has_program, missing, texts};

/// Ids of the OpenCL devices here.
fn device_ids() -> Vec<String> {
    let (out, err) = texts(&crossover().args(["devices", "--json"]).output().unwrap());
    let value: Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}{err}"));
    let all = value["devices"].as_array().unwrap().iter();
    let ids = all.map(|d| d["id"].as_str().unwrap().to_string());
    ids.filter(|id| id.starts_with("opencl:")).collect()
}

/// What `verify` found right: device, workload, dtype and implementation.
type Seen = HashSet<[String; 4]>;

/// Verifies everything in some dtypes, at awkward sizes on every device.
fn verified(dtypes: &str) -> Seen {
    let output = crossover().args(["verify", "--dtype", dtypes, "--json"]).output().unwrap();
    let (out, err) = texts(&output);
    assert!(output.status.success(), "{err}");
    let mut seen = HashSet::new();
    for line in out.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        // Not every device is served by every kernel, but each must be right where it serves.
        assert!(row["outcome"] == "measured" || row["outcome"] == "unsupported", "{line}");
        let text = |field: &str| row[field].as_str().unwrap().to_string();
        // No CPU here multiplies in f16, and Winograd's algorithm is for some filters only.
        let serves_all = row["dtype"] != "f16" && !text("implementation").starts_with("winograd");
        if row["device_kind"] == "cpu" && serves_all {
            assert_eq!(row["outcome"], "measured", "{line}");
        }
        if row["outcome"] == "measured" {
            seen.insert(["device", "workload", "dtype", "implementation"].map(text));
        }
    }
    seen
}

/// Whether these implementations of a workload were seen, or which was not.
fn expect(seen: &Seen, dtype: &str, device: &str, workload: &str, names: &[&str]) {
    for name in names {
        let key = [device, workload, dtype, name].map(str::to_string);
        assert!(seen.contains(&key), "{name} of {workload} in {dtype} on {device}");
    }
}

#[test]
fn every_implementation_is_right_at_awkward_sizes_on_every_device() {
    let ids = device_ids();
    if ids.is_empty() {
        missing("there is no OpenCL device");
    }
    let seen = verified("f32");
    let expect = |device: &str, workload: &str, names: &[&str]| {
        expect(&seen, "f32", device, workload, names);
    };
    for id in &ids {
        expect(id, "gemm", &["naive", "local", "register", "packed"]);
        for pass in ["conv-fprop", "conv-dgrad", "conv-wgrad"] {
            expect(id, pass, &["naive", "local", "register", "packed"]);
        }
        for function in ["softmax", "layernorm"] {
            expect(id, function, &["local", "packed"]);
        }
        for network in ["train-mlp", "train-cnn", "train-lstm", "train-transformer"] {
            expect(id, network, &["naive", "local", "register", "packed"]);
        }
    }
    expect("cpu", "gemm", &["gemm", "matrixmultiply", "native"]);
    for pass in ["conv-fprop", "conv-dgrad"] {
        expect("cpu", pass, &["native", "winograd-f2", "winograd-f4"]);
    }
    expect("cpu", "conv-wgrad", &["native"]);
}

#[test]
fn every_implementation_is_right_in_every_other_dtype() {
    let seen = verified("f64,bf16,f16");
    for id in &device_ids() {
        expect(&seen, "f64", id, "gemm", &["naive", "local", "register", "packed"]);
        expect(&seen, "bf16", id, "gemm", &["naive", "local", "register"]);
    }
    expect(&seen, "f64", "cpu", "gemm", &["gemm", "matrixmultiply"]);
    expect(&seen, "bf16", "cpu", "gemm", &["native"]);
}

/// A folder that makes Oclgrind the only driver.
fn oclgrind_only(folder: &Path) -> Option<()> {
    let library =
        ["/usr/lib/oclgrind/liboclgrind-rt-icd.so", "/usr/local/lib/liboclgrind-rt-icd.so"]
            .into_iter()
            .find(|path| Path::new(path).exists())?;
    fs::write(folder.join("oclgrind.icd"), format!("{library}\n")).unwrap();
    Some(())
}

/// Verifies tiny shapes on a simulator that finds races and accesses outside a buffer, and returns
/// what the program says; nothing where the simulator is missing.
fn verify_on_oclgrind(workloads: &str, dtypes: &str, shapes: &[String]) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    if oclgrind_only(folder.path()).is_none() {
        missing("Oclgrind is not installed");
        return None;
    }
    let log = folder.path().join("oclgrind.log");
    let mut command = crossover();
    command.args(["verify", "--device", "opencl", "--workload", workloads, "--dtype", dtypes]);
    for shape in shapes {
        command.args(["--shape", shape]);
    }
    let output = command
        .env("OCL_ICD_VENDORS", folder.path())
        .env("OCLGRIND_DATA_RACES", "1")
        .env("OCLGRIND_LOG", &log)
        .env("CROSSOVER_CACHE_DIR", "off")
        .env("CROSSOVER_KERNEL_OPTIONS", "-D PREFETCH=0")
        .output()
        .unwrap();
    let (out, err) = texts(&output);
    assert!(output.status.success(), "{out}{err}");
    let log = fs::read_to_string(&log).unwrap_or_default();
    for fault in ["Data race", "Invalid read", "Invalid write", "divergence"] {
        assert!(!log.contains(fault) && !err.contains(fault), "{log}{err}");
    }
    Some(out)
}

/// Sizes over and under the tiles, with all transposes, and streams.
#[test]
fn oclgrind_finds_no_race_and_no_bad_access() {
    let workloads = "gemm,stream-copy,stream-scale,stream-add,stream-triad,stream-dot";
    let mut shapes: Vec<String> = [4, 60, 64, 4096, 20_004].map(|n| format!("bytes={n}")).into();
    for size in ["m=1,n=1,k=1", "m=5,n=7,k=3", "m=17,n=66,k=19", "m=68,n=12,k=20"] {
        for transposes in ["ta=0,tb=0", "ta=0,tb=1", "ta=1,tb=0", "ta=1,tb=1"] {
            shapes.push(format!("{size},{transposes}"));
        }
    }
    shapes.push("m=5,n=7,k=3,ta=1,batch=3".to_string());
    shapes.push("m=8,n=12,k=20,tb=1,batch=2".to_string());
    let Some(out) = verify_on_oclgrind(workloads, "f32", &shapes) else {
        return;
    };
    for name in ["naive", "local", "register", "packed"] {
        assert!(out.contains(&format!("{name}: 18 shapes right")), "{name}: {out}");
    }
    assert_eq!(out.matches("vector: 5 shapes right").count(), 5, "{out}");
}

/// The numbers of other dtypes; which elements are read and written, f32 tells.
#[test]
fn oclgrind_finds_no_fault_in_other_dtypes() {
    let shapes = ["m=17,n=66,k=19,ta=0,tb=1", "m=5,n=7,k=3,ta=1,tb=0"].map(str::to_string);
    let Some(out) = verify_on_oclgrind("gemm", "f64,bf16", &shapes) else {
        return;
    };
    for name in ["naive", "local", "register", "packed"] {
        for dtype in ["f64", "bf16"] {
            // Packed panels are not for bf16.
            let served = (name, dtype) != ("packed", "bf16");
            assert_eq!(out.contains(&format!("{name} {dtype}: 2 shapes right")), served, "{out}");
        }
    }
}

/// Rows over and under vectors and work-groups, and results so short that their sums are cut into pieces.
#[test]
fn oclgrind_finds_no_fault_in_products_with_vectors() {
    let sizes = [(1, 1), (5, 7), (17, 66), (68, 12), (2, 5000), (600, 3), (64, 520)];
    let shapes: Vec<String> =
        sizes.iter().flat_map(|(m, n)| [0, 1].map(|ta| format!("m={m},n={n},ta={ta}"))).collect();
    let Some(out) = verify_on_oclgrind("gemv", "f32,f64", &shapes) else {
        return;
    };
    for name in ["local", "packed"] {
        for dtype in ["", " f64"] {
            assert!(
                out.contains(&format!("{name}{dtype}: 14 shapes right")),
                "{name}{dtype}: {out}"
            );
        }
    }
}

/// Rows over and under vectors and work-groups, more and fewer than groups.
#[test]
fn oclgrind_finds_no_fault_in_functions_of_rows() {
    let sizes = [(1, 1), (3, 5), (2, 16), (37, 67), (1, 531), (2, 1024)];
    let shapes = sizes.map(|(rows, columns)| format!("rows={rows},columns={columns}"));
    let Some(out) = verify_on_oclgrind("softmax,layernorm", "f32", &shapes) else {
        return;
    };
    for name in ["local", "packed"] {
        assert_eq!(out.matches(&format!("{name}: 6 shapes right")).count(), 2, "{name}: {out}");
    }
}

#[test]
fn oclgrind_finds_no_fault_in_convolutions() {
    let shapes = [
        "n=1,c=3,h=5,w=4,k=5,r=3,s=2,stride_h=2,pad=1",
        "n=1,c=32,h=3,w=3,k=8,r=3,s=3,pad=1", // by taps, in slices
        "n=2,c=16,h=4,w=4,k=16,r=1,s=1",      // vectors everywhere
        "n=1,c=16,h=5,w=5,k=16,r=1,s=1,stride=2", // phases without taps
        "n=1,c=6,h=7,w=6,k=4,r=3,s=2,dilation=2,groups=2",
        "n=1,c=4,h=6,w=5,k=8,r=3,s=3,pad=1,groups=4", // depthwise
    ]
    .map(str::to_string);
    let Some(out) = verify_on_oclgrind("conv-fprop,conv-dgrad,conv-wgrad", "f32", &shapes) else {
        return;
    };
    for name in ["naive", "local", "register", "packed"] {
        assert_eq!(out.matches(&format!("{name}: 6 shapes right")).count(), 3, "{name}: {out}");
    }
}

/// Every kernel of a step, at sizes over and under vectors and groups.
#[test]
fn oclgrind_finds_no_fault_in_training_steps() {
    for (workload, shapes) in [
        (
            "train-mlp",
            [
                "batch=3,inputs=5,width=17,depth=1,classes=3",
                "batch=2,inputs=4,width=4,depth=2,classes=4",
            ],
        ),
        (
            "train-cnn",
            ["batch=2,image=9,channels=2,classes=3", "batch=1,image=16,channels=2,classes=2"],
        ),
        ("train-lstm", ["batch=2,seq=3,hidden=5,classes=3", "batch=3,seq=2,hidden=16,classes=2"]),
        (
            "train-transformer",
            [
                "batch=2,seq=3,d_model=6,heads=2,layers=1,classes=3",
                "batch=1,seq=4,d_model=8,heads=2,layers=1,classes=2",
            ],
        ),
    ] {
        let Some(out) = verify_on_oclgrind(workload, "f32", &shapes.map(str::to_string)) else {
            return;
        };
        for name in ["naive", "local", "register", "packed"] {
            assert!(out.contains(&format!("{name}: 2 shapes right")), "{name}: {out}");
        }
    }
}

#[test]
fn a_damaged_program_cache_is_built_anew() {
    if device_ids().is_empty() {
        missing("there is no OpenCL device");
        return;
    }
    let cache = tempfile::tempdir().unwrap();
    let verify = || {
        crossover()
            .args(["verify", "--device", "opencl:0", "--implementation", "naive"])
            .args(["--dtype", "f32", "--shape", "m=5,n=4,k=3"])
            .env("CROSSOVER_CACHE_DIR", cache.path())
            .output()
            .unwrap()
    };
    let files = || -> Vec<_> {
        fs::read_dir(cache.path().join("programs")).unwrap().map(|f| f.unwrap().path()).collect()
    };
    assert!(verify().status.success());
    let first = files();
    assert_eq!(first.len(), 1, "one program, one file");
    let whole = fs::read(&first[0]).unwrap();
    for damaged in [&whole[..whole.len() / 2], b"", b"something else"] {
        fs::write(&first[0], damaged).unwrap();
        assert!(verify().status.success());
        assert_eq!(files().len(), 1);
    }
    // The binary itself damaged under a right checksum: the driver refuses it, and it is rebuilt.
    assert!(fs::read(&first[0]).unwrap().starts_with(b"crossover program"));
}

/// Threads of a CPU driver stay on the chosen cores, and there are no more than asked for.
#[test]
#[cfg(target_os = "linux")]
fn cpu_drivers_obey_the_number_of_threads() {
    if device_ids().is_empty() {
        missing("there is no OpenCL device");
        return;
    }
    let output =
        crossover().args(["run", "--list", "--threads", "1", "--shape", "m=8,n=8,k=8"]).output();
    assert!(output.unwrap().status.success());
    let base = tempfile::tempdir().unwrap();
    let out = base.path().join("run");
    let mut child = crossover()
        // What other tests of this process told its own driver.
        .env_remove("POCL_MAX_PTHREAD_COUNT")
        .env_remove("POCL_AFFINITY")
        .args(["run", "--threads", "1", "--shape", "m=1024,n=1024,k=1024"])
        .args(["--out", out.to_str().unwrap()])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let core = crossover::machine::choose_cores(Some(1)).unwrap()[0].to_string();
    let mut masks = HashSet::new();
    while child.try_wait().unwrap().is_none() {
        let tasks = fs::read_dir(format!("/proc/{}/task", child.id())).into_iter().flatten();
        for status in
            tasks.flatten().filter_map(|t| fs::read_to_string(t.path().join("status")).ok())
        {
            let mask = status.lines().find_map(|l| l.strip_prefix("Cpus_allowed_list:"));
            masks.extend(mask.map(|m| m.trim().to_string()));
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    // The main thread may be seen before it restricted itself.
    let all: HashSet<String> = masks.into_iter().filter(|m| *m != core).collect();
    assert!(all.len() <= 1, "threads outside core {core}: {all:?}");
    let records = crossover::record::read_results(&out.join("results.csv")).unwrap();
    assert!(records.iter().any(|r| r.device.backend() == "opencl"));
    assert!(records.iter().all(|r| r.threads == Some(1)), "{records:?}");
}

/// Runs the program where neither a loader nor a driver is to be seen.
fn without_opencl(arguments: &[&str]) -> Option<std::process::Output> {
    let hide = "empty=$(mktemp -d); for f in $(ldconfig -p | sed -n 's/.*libOpenCL.* => //p'); do \
                mount --bind /dev/null \"$(readlink -f \"$f\")\" || exit 99; done; \
                if [ -d /etc/OpenCL ]; then mount --bind \"$empty\" /etc/OpenCL || exit 99; fi; \
                exec \"$@\"";
    let output = Command::new("unshare")
        .args(["-m", "sh", "-c", hide, "sh", env!("CARGO_BIN_EXE_crossover")])
        .args(arguments)
        .output()
        .ok()?;
    let hidden = output.status.code() != Some(99) && !texts(&output).1.contains("unshare:");
    hidden.then_some(output)
}

#[test]
#[cfg(target_os = "linux")]
fn without_opencl_the_cpu_is_measured_and_one_line_says_what_is_missing() {
    let Some(output) = without_opencl(&["devices"]) else {
        missing("mount namespaces are not allowed");
        return;
    };
    let (out, err) = texts(&output);
    assert!(output.status.success(), "{out}{err}");
    assert!(out.contains("no OpenCL: ") && out.contains("./setup"), "{out}");
    let base = tempfile::tempdir().unwrap();
    let folder = base.path().join("run");
    let start = Instant::now();
    let out = folder.to_str().unwrap();
    let run = without_opencl(&["run", "--shape", "m=16,n=16,k=16", "--out", out]).unwrap();
    assert_eq!(run.status.code(), Some(0), "{}", texts(&run).1);
    assert!(start.elapsed().as_secs() < 60);
    let page = fs::read_to_string(folder.join("report.html")).unwrap();
    assert!(page.contains("./setup"), "the report says how to add a device");
    let doctor = without_opencl(&["doctor"]).unwrap();
    assert!(texts(&doctor).0.contains("missing  OpenCL loader"));
    assert!(!has_panicked(&doctor) && !has_panicked(&run) && !has_panicked(&output));
}

fn has_panicked(output: &std::process::Output) -> bool {
    texts(output).1.contains("panicked")
}

/// Builds a driver from C that does `body` when it is loaded, as the only one.
fn bad_driver(folder: &Path, body: &str) -> Option<()> {
    if !has_program("cc") {
        return None;
    }
    let source = format!(
        "#include <unistd.h>\n#include <stdlib.h>\nstatic int *nothing = 0;\n\
         __attribute__((constructor)) static void start(void) {{ {body} }}\n"
    );
    fs::write(folder.join("bad.c"), source).unwrap();
    let library = folder.join("bad.so");
    let status = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .args([&library, &folder.join("bad.c")])
        .status()
        .ok()?;
    fs::write(folder.join("bad.icd"), format!("{}\n", library.display())).unwrap();
    status.success().then_some(())
}

#[test]
#[cfg(target_os = "linux")]
fn a_driver_that_crashes_or_has_no_device_costs_nothing_but_a_sentence() {
    if device_ids().is_empty() {
        missing("there is no OpenCL loader with a device");
        return;
    }
    for (body, sentence) in [
        ("*(volatile int *)nothing = 1;", "its driver crashed (signal: 11"),
        ("", "no driver"),
        ("abort();", "its driver crashed (signal: 6"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        if bad_driver(folder.path(), body).is_none() {
            missing("there is no C compiler");
            return;
        }
        let start = Instant::now();
        let output =
            crossover().arg("devices").env("OCL_ICD_VENDORS", folder.path()).output().unwrap();
        let (out, err) = texts(&output);
        assert!(output.status.success(), "{body}: {out}{err}");
        assert!(out.contains(sentence), "{body}: {out}{err}");
        assert!(out.starts_with("cpu") && !has_panicked(&output));
        assert!(start.elapsed().as_secs() < 5, "{body}");
    }
}

/// PoCL keeps what it compiles in files: where it may not write any, its compiler is broken.
#[test]
#[cfg(target_os = "linux")]
fn a_device_whose_compiler_is_broken_is_left_out_with_a_reason() {
    let (out, _) = texts(&crossover().arg("devices").output().unwrap());
    if !out.contains("PoCL") {
        missing("there is no PoCL device");
        return;
    }
    let cache = tempfile::tempdir().unwrap();
    let output = Command::new("sh")
        .args(["-c", "ulimit -f 0; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_crossover"), "devices"])
        .env("POCL_CACHE_DIR", cache.path())
        .output()
        .unwrap();
    let (out, err) = texts(&output);
    assert!(output.status.success() && !has_panicked(&output), "{out}{err}");
    assert!(out.contains("can't be used: building a kernel failed"), "{out}{err}");
    // And where it has no place at all, PoCL is a platform without a device.
    let output =
        crossover().arg("devices").env("POCL_CACHE_DIR", "/proc/nowhere").output().unwrap();
    let (out, err) = texts(&output);
    assert!(output.status.success() && !has_panicked(&output), "{out}{err}");
    assert!(out.contains("is installed but has no device"), "{out}{err}");
}
