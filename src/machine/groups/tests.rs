use std::fs;

use super::*;

const V1: &str = "\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:11 master:2 - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
";
const V1_GROUPS: &str = "9:name=systemd:/s
4:memory:/slurm/job 7/step
1:cpu,cpuacct:/slurm
";
const V2: &str = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";
const HYBRID: &str = "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";

/// What the groups of a made-up system allow: CPUs and bytes.
fn allowed(mounts: &str, own: &str, files: &[(&str, &str)]) -> (Option<f64>, Option<u64>) {
    let root = tempfile::tempdir().unwrap();
    let process = [("proc/self/mountinfo", mounts), ("proc/self/cgroup", own)];
    for (path, text) in process.iter().chain(files) {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let groups = Groups::below(root.path());
    (groups.quota_cpus(), groups.free_memory_bytes())
}

#[test]
fn version_1_limits_cpus_and_memory_at_every_level() {
    let files = [
        ("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1"),
        ("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000"),
        ("sys/fs/cgroup/cpu,cpuacct/slurm/cpu.cfs_quota_us", "50000"),
        ("sys/fs/cgroup/cpu,cpuacct/slurm/cpu.cfs_period_us", "100000"),
        // Of a group that the process is not in.
        ("sys/fs/cgroup/cpu,cpuacct/other/cpu.cfs_quota_us", "100"),
        ("sys/fs/cgroup/cpu,cpuacct/other/cpu.cfs_period_us", "100000"),
        ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712"),
        ("sys/fs/cgroup/memory/memory.usage_in_bytes", "5000"),
        ("sys/fs/cgroup/memory/slurm/memory.limit_in_bytes", "1000"),
        ("sys/fs/cgroup/memory/slurm/memory.usage_in_bytes", "700"),
        ("sys/fs/cgroup/memory/slurm/memory.stat", "cache 9\ntotal_inactive_file 200\n"),
        ("sys/fs/cgroup/memory/slurm/job 7/step/memory.limit_in_bytes", "900"),
        ("sys/fs/cgroup/memory/slurm/job 7/step/memory.usage_in_bytes", "300"),
    ];
    assert_eq!(allowed(V1, V1_GROUPS, &files), (Some(0.5), Some(500)));
    assert_eq!(allowed(V1, V1_GROUPS, &files[..1]), (None, None));
}

#[test]
fn version_2_limits_cpus_and_memory_at_every_level() {
    let files = [
        ("sys/fs/cgroup/a/cpu.max", "150000 100000"),
        ("sys/fs/cgroup/a/memory.max", "4000"),
        ("sys/fs/cgroup/a/memory.current", "1000"),
        ("sys/fs/cgroup/a/b/cpu.max", "max 100000"),
        ("sys/fs/cgroup/a/b/memory.max", "max"),
        ("sys/fs/cgroup/a/b/memory.high", "3500"),
        ("sys/fs/cgroup/a/b/memory.current", "1000"),
        ("sys/fs/cgroup/a/b/memory.stat", "anon 3\ninactive_file 400\n"),
    ];
    assert_eq!(allowed(V2, "0::/a/b\n", &files), (Some(1.5), Some(2900)));
    assert_eq!(allowed(V2, "0::/\n", &files), (None, None));
}

#[test]
fn both_versions_side_by_side_are_both_read() {
    let mounts = format!("{V1}{HYBRID}");
    let own = format!("{V1_GROUPS}0::/u\n");
    let files = [
        ("sys/fs/cgroup/cpu,cpuacct/slurm/cpu.cfs_quota_us", "300000"),
        ("sys/fs/cgroup/cpu,cpuacct/slurm/cpu.cfs_period_us", "100000"),
        ("sys/fs/cgroup/unified/u/cpu.max", "200000 100000"),
        ("sys/fs/cgroup/memory/slurm/memory.limit_in_bytes", "1000"),
        ("sys/fs/cgroup/memory/slurm/memory.usage_in_bytes", "1200"),
    ];
    assert_eq!(allowed(&mounts, &own, &files), (Some(2.0), Some(0)));
}

/// A mount that shows a group of the host as its topmost, and a group that lies outside of it.
#[test]
fn what_a_container_sees_counts() {
    let mounts = V2.replace(" / ", " /docker/abc ");
    let files = [
        ("sys/fs/cgroup/cpu.max", "50000 100000"),
        ("sys/fs/cgroup/inner/cpu.max", "20000 100000"),
        ("sys/fs/cgroup/docker/abc/cpu.max", "10000 100000"),
    ];
    assert_eq!(allowed(&mounts, "0::/docker/abc\n", &files).0, Some(0.5));
    assert_eq!(allowed(&mounts, "0::/docker/abc/inner\n", &files).0, Some(0.2));
    assert_eq!(allowed(&mounts, "0::/elsewhere\n", &files).0, Some(0.5));
    assert_eq!(allowed(V2, "0::/../other\n", &files).0, Some(0.5));
}

#[test]
fn a_system_without_groups_limits_nothing() {
    assert_eq!(allowed("", "", &[]), (None, None));
    let nonsense = [("sys/fs/cgroup/cpu.max", "much"), ("sys/fs/cgroup/memory.max", "more")];
    assert_eq!(allowed(V2, "0::/\n", &nonsense), (None, None));
    assert_eq!(allowed("nonsense\n1 - cgroup\n", "0\n:\n", &[]), (None, None));
}

#[test]
fn names_with_spaces_are_read() {
    for (text, path) in [("/a\\040b", "/a b"), ("/a\\", "/a\\"), ("/a\\9x", "/a\\9x"), ("/", "/")] {
        assert_eq!(unescaped(text), PathBuf::from(path));
    }
}
