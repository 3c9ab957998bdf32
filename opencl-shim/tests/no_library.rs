//! What `ocl` says in a process that has no OpenCL library. (Not on macOS, which always has one.)
#![cfg(not(target_os = "macos"))]

use std::env;
use std::process::Command;
use std::time::{Duration, Instant};

use ocl::core::{DeviceId, PlatformId, Status};

#[test]
fn ocl_works_without_a_library() {
    for library in ["/nonexistent", env!("CARGO_MANIFEST_PATH")] {
        let output = Command::new(env::current_exe().expect("a test is a program"))
            .args(["--exact", "inside", "--ignored", "--nocapture"])
            .env("CROSSOVER_OPENCL_LIBRARY", library)
            .output()
            .expect("the test program can be run");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("1 passed"), "{library}: {text}");
    }
}

#[test]
#[ignore = "started by ocl_works_without_a_library, in a process without one"]
fn inside() {
    let start = Instant::now();
    assert!(ocl::core::get_platform_ids().expect("an empty list").is_empty());
    assert!(ocl::Platform::list().is_empty());
    assert!(start.elapsed() < Duration::from_secs(1), "ocl-core waits for a driver");

    let why = opencl_shim::loader().expect_err("there is no library").to_string();
    assert!(why.contains("CROSSOVER_OPENCL_LIBRARY"), "{why}");

    // SAFETY: null handles, which go to the shim only and are not looked at.
    let (platform, device) = unsafe { (PlatformId::null(), DeviceId::null()) };
    let error = ocl::core::get_device_ids(platform, None, None).expect_err("no devices");
    assert_eq!(error.api_status(), Some(Status::CL_INVALID_OPERATION));
    let error = ocl::core::create_context(None, &[device], None, None).expect_err("no context");
    assert_eq!(error.api_status(), Some(Status::CL_INVALID_OPERATION));
    assert!(ocl::core::default_platform().is_err());
    assert!(opencl_shim::take_unknown_status().is_empty());
}
