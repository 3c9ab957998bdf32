//! Which defaults a device's kernels start from.

use crate::terms::DeviceKind;

/// Name of the class: a file of `kernels/tuned/`. The kind comes first: a CPU driver may well carry
/// a GPU maker's name. Then extensions, which a driver doesn't get wrong, then names.
pub fn of(
    kind: DeviceKind,
    vendor: &str,
    name: &str,
    platform: &str,
    extensions: &[String],
) -> &'static str {
    if kind == DeviceKind::Cpu {
        return "cpu";
    }
    let prefixes = [
        ("cl_nv_", "nvidia"),
        ("cl_amd_", "amd"),
        ("cl_intel_", "intel"),
        ("cl_arm_", "mali"),
        ("cl_qcom_", "adreno"),
        ("cl_APPLE_", "apple"),
    ];
    let by_extension =
        prefixes.iter().find(|(prefix, _)| extensions.iter().any(|e| e.starts_with(prefix)));
    if let Some((_, class)) = by_extension {
        return class;
    }
    let words = [
        ("nvidia", "nvidia"),
        ("advanced micro devices", "amd"),
        ("radeon", "amd"),
        ("gfx", "amd"),
        ("intel", "intel"),
        ("apple", "apple"),
        ("mali", "mali"),
        ("adreno", "adreno"),
        ("qualcomm", "adreno"),
    ];
    let text = format!("{vendor} {name} {platform}").to_lowercase();
    words.iter().find(|(word, _)| text.contains(word)).map_or("gpu", |(_, class)| class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_devices_fall_into_their_class() {
        let class = |kind, vendor, name, extensions: &[&str]| {
            let extensions: Vec<String> = extensions.iter().map(|e| e.to_string()).collect();
            of(kind, vendor, name, "", &extensions)
        };
        use DeviceKind::{Cpu, Gpu};
        // PoCL on an AMD CPU calls its vendor AuthenticAMD.
        assert_eq!(class(Cpu, "AuthenticAMD", "pthread-skylake-avx512-AMD EPYC", &[]), "cpu");
        assert_eq!(class(Gpu, "x", "y", &["cl_khr_fp64", "cl_nv_copy_opts"]), "nvidia");
        assert_eq!(class(Gpu, "Advanced Micro Devices, Inc.", "gfx1100", &[]), "amd");
        assert_eq!(
            class(Gpu, "Intel(R) Corporation", "Arc A770", &["cl_intel_subgroups"]),
            "intel"
        );
        assert_eq!(class(Gpu, "ARM", "Mali-G610", &["cl_arm_printf"]), "mali");
        assert_eq!(class(Gpu, "QUALCOMM", "Adreno 740", &[]), "adreno");
        assert_eq!(class(Gpu, "Apple", "Apple M2", &[]), "apple");
        assert_eq!(class(Gpu, "somebody", "something", &[]), "gpu");
    }
}
