//! Prints every GPU kernel as classes of devices build it: a JSON object a line.
//!
//!     cargo run --example gpu_builds -- nvidia amd

use crossover::backend::{gpu::builds, opencl::KERNELS};

fn main() -> crossover::error::Result<()> {
    for class in std::env::args().skip(1) {
        for build in builds(&class) {
            let line = serde_json::json!({
                "class": class,
                "name": build.name,
                "source": KERNELS.text(build.program)?,
                "options": build.options,
            });
            println!("{line}");
        }
    }
    Ok(())
}
