//! A program with `ocl` and the shim does not need the loader library to start.

use opencl_shim as _;

/// The only test of this file: any other might load the library first.
#[test]
#[cfg(target_os = "linux")]
fn the_loader_library_is_not_there_until_it_is_asked_for() {
    let loaded = || {
        let maps = std::fs::read_to_string("/proc/self/maps").expect("the files in memory");
        maps.lines().any(|line| line.contains("libOpenCL"))
    };
    assert!(!loaded());
    let platforms = ocl::Platform::list();
    match opencl_shim::loader() {
        Ok(loader) => println!("{}: {} platforms", loader.path().display(), platforms.len()),
        Err(_) => assert!(platforms.is_empty() && !loaded()),
    }
}
