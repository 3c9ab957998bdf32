//! GPU code without a GPU: every GPU kernel with its class's parameters, through the compilers that
//! NVIDIA's and AMD's drivers are built on, must not spill a register.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crossover::backend::opencl::{Build, gpu_builds};
use support::{has_program, missing, repository};

const CLANG: &str = "clang-19";

/// Compiles with clang for `target` to assembly.
fn compile(build: &Build, target: &[&str], builtins: &str, to: &Path) -> Result<String, String> {
    let source = to.with_extension("cl");
    fs::write(&source, build.source).unwrap();
    let mut command = Command::new(CLANG);
    command
        .args(["-x", "cl", "-cl-std=CL1.2", "-O3", "-cl-mad-enable", "-Wno-override-module"])
        .args(["-Xclang", "-finclude-default-header"])
        .args(target)
        .args(["-Xclang", "-mlink-builtin-bitcode", "-Xclang", builtins, "-S", "-o"])
        .arg(to);
    // `-D RESTRICT=` is two words for a driver and two arguments for clang.
    command.args(build.options.split_whitespace()).arg(&source);
    let output = command.output().map_err(|e| e.to_string())?;
    let messages = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        return Err(messages);
    }
    fs::read_to_string(to).map_err(|e| e.to_string())
}

/// The number behind `key` on its first line.
fn number_after(text: &str, key: &str) -> Option<u64> {
    let rest = &text[text.find(key)? + key.len()..];
    let digits: String = rest.trim_start().chars().take_while(|c| c.is_ascii_digit()).collect();
    digits.parse().ok()
}

#[test]
fn amd_kernels_do_not_spill() {
    let builtins = "/usr/lib/clc/gfx1030-amdgcn--.bc";
    if !has_program(CLANG) || !Path::new(builtins).is_file() {
        missing("clang-19 and libclc-19 are not installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for class in ["amd", "gpu"] {
        for build in gpu_builds(class) {
            // libclc has these functions only for a system that doesn't count spills, but scratch.
            let plain = build.source.contains("get_global_");
            let (system, keys) = if plain {
                ("amdgcn--", &["; ScratchSize:"][..])
            } else {
                (
                    "amdgcn-amd-amdhsa",
                    &["; ScratchSize:", ".vgpr_spill_count:", ".sgpr_spill_count:"][..],
                )
            };
            let target = ["-target", system, "-mcpu=gfx1030", "-nogpulib"];
            let to = folder.path().join("kernel.s");
            let text = compile(&build, &target, builtins, &to)
                .unwrap_or_else(|e| panic!("{class} {}: {e}", build.name));
            for key in keys {
                let count = number_after(&text, key);
                assert_eq!(count, Some(0), "{class} {} {key}", build.name);
            }
        }
    }
}

/// `ptxas` on the path or where `./setup --ci` puts it.
fn ptxas() -> Option<PathBuf> {
    if has_program("ptxas") {
        return Some(PathBuf::from("ptxas"));
    }
    find(&repository("target/ci-venv"), "ptxas", 8)
}

fn find(folder: &Path, name: &str, depth: usize) -> Option<PathBuf> {
    let entries: Vec<PathBuf> =
        fs::read_dir(folder).ok()?.filter_map(|e| Some(e.ok()?.path())).collect();
    let file = entries.iter().find(|p| p.is_file() && p.file_name().is_some_and(|n| n == name));
    if let Some(file) = file {
        return Some(file.clone());
    }
    let folders = entries.into_iter().filter(|p| depth > 0 && p.is_dir() && !p.is_symlink());
    folders.into_iter().find_map(|folder| find(&folder, name, depth - 1))
}

#[test]
fn nvidia_kernels_do_not_spill() {
    let builtins = "/usr/lib/clc/nvptx64--nvidiacl.bc";
    if !has_program(CLANG) || !Path::new(builtins).is_file() {
        missing("clang-19 and libclc-19 are not installed");
        return;
    }
    let Some(ptxas) = ptxas() else {
        missing("ptxas is not installed (./setup --ci brings it)");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let target = ["-target", "nvptx64-nvidia-nvcl", "-Xclang", "-target-cpu", "-Xclang", "sm_80"];
    for class in ["nvidia", "gpu"] {
        for build in gpu_builds(class) {
            let to = folder.path().join("kernel.ptx");
            compile(&build, &target, builtins, &to)
                .unwrap_or_else(|e| panic!("{class} {}: {e}", build.name));
            let output = Command::new(&ptxas)
                .args(["-arch=sm_80", "-v", "-o", "/dev/null"])
                .arg(&to)
                .output()
                .unwrap();
            let report = String::from_utf8_lossy(&output.stderr).into_owned()
                + &String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success(), "{class} {}: {report}", build.name);
            let what = format!("{class} {}: {report}", build.name);
            assert!(report.contains("0 bytes spill stores, 0 bytes spill loads"), "{what}");
            assert!(report.contains("0 bytes stack frame"), "{what}");
        }
    }
}
