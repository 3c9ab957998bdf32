//! What the control groups of this process allow, all levels of them and in every layout: version 1,
//! version 2, and both side by side. Linux has them; elsewhere nothing is limited.

use std::path::{Path, PathBuf};

use super::state::read;

/// The folders of the groups that this process is in, in every hierarchy, parents too.
struct Groups(Vec<PathBuf>);

/// CPUs that they allow; none without a limit.
pub fn quota_cpus() -> Option<f64> {
    Groups::below(Path::new("/")).quota_cpus()
}

/// Bytes of memory that they still allow; none without a limit.
pub fn free_memory_bytes() -> Option<u64> {
    Groups::below(Path::new("/")).free_memory_bytes()
}

impl Groups {
    /// As a system tells whose files lie below `root`.
    fn below(root: &Path) -> Groups {
        let text = |path: &str| read(root.join(path)).unwrap_or_default();
        let (mounts, own) = (text("proc/self/mountinfo"), text("proc/self/cgroup"));
        let groups = mounts.lines().filter_map(Mount::of).filter_map(|mount| {
            let group = own.lines().find_map(|line| mount.group_of(line))?;
            Some(mount.levels(root, &group))
        });
        Groups(groups.flatten().collect())
    }

    fn quota_cpus(&self) -> Option<f64> {
        self.0.iter().filter_map(|group| quota(group)).reduce(f64::min)
    }

    fn free_memory_bytes(&self) -> Option<u64> {
        self.0.iter().filter_map(|group| free_bytes(group)).min()
    }
}

/// A hierarchy of groups where it is mounted.
#[derive(Debug, PartialEq)]
struct Mount {
    /// The group that the mount shows as its topmost.
    root: PathBuf,
    /// Where.
    place: PathBuf,
    /// What it controls, in version 1; none in version 2.
    controllers: Option<Vec<String>>,
}

impl Mount {
    /// Reads a line of mountinfo; none for what is no hierarchy of groups.
    fn of(line: &str) -> Option<Mount> {
        let (mount, file_system) = line.split_once(" - ")?;
        let mut fields = mount.split(' ').skip(3);
        let (root, place) = (unescaped(fields.next()?), unescaped(fields.next()?));
        let mut fields = file_system.split(' ');
        let controllers = match fields.next()? {
            "cgroup" => Some(fields.nth(1)?.split(',').map(str::to_string).collect()),
            "cgroup2" => None,
            _ => return None,
        };
        Some(Mount { root, place, controllers })
    }

    /// The group of the process in this hierarchy, where a line of /proc/self/cgroup is about that.
    fn group_of(&self, line: &str) -> Option<PathBuf> {
        let mut parts = line.splitn(3, ':').skip(1);
        let (own, group) = (parts.next()?, parts.next()?);
        let is_mine = match &self.controllers {
            None => own.is_empty(),
            Some(all) => !own.is_empty() && own.split(',').all(|c| all.iter().any(|a| a == c)),
        };
        is_mine.then(|| PathBuf::from(group))
    }

    /// Folders of a group and of those above it, as far as the mount shows them. A group outside of what it
    /// shows counts as its topmost.
    fn levels(&self, root: &Path, group: &Path) -> Vec<PathBuf> {
        let place = root.join(self.place.strip_prefix("/").unwrap_or(&self.place));
        let below = group.strip_prefix(&self.root).unwrap_or(Path::new(""));
        let is_plain = below.components().all(|c| matches!(c, std::path::Component::Normal(_)));
        let below = if is_plain { below } else { Path::new("") };
        below.ancestors().map(|level| place.join(level)).collect()
    }
}

/// A path of mountinfo, where spaces and their like are octal: `\040`.
fn unescaped(text: &str) -> PathBuf {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        plain.push_str(before);
        let code = after.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        (plain, rest) = match code {
            Some(code) => (plain + &char::from(code).to_string(), &after[3..]),
            None => (plain + "\\", after),
        };
    }
    plain.push_str(rest);
    PathBuf::from(plain)
}

fn number<T: std::str::FromStr>(path: PathBuf) -> Option<T> {
    read(path)?.parse().ok()
}

/// CPUs that a group allows: `cpu.max` of version 2, or two files of version 1.
fn quota(group: &Path) -> Option<f64> {
    let of_v2 = || {
        let text = read(group.join("cpu.max"))?;
        let (quota, period) = text.split_once(' ')?;
        Some((quota.parse::<f64>().ok()?, period.parse::<f64>().ok()?))
    };
    let of_v1 = || {
        let quota: f64 = number(group.join("cpu.cfs_quota_us"))?;
        Some((quota, number(group.join("cpu.cfs_period_us"))?))
    };
    let (quota, period) = of_v2().or_else(of_v1)?;
    // Version 1 has -1 for no limit.
    (quota > 0.0 && period > 0.0).then(|| quota / period)
}

/// Bytes that a group still allows. Files that were read long ago make room for what is new.
fn free_bytes(group: &Path) -> Option<u64> {
    let of = |limits: &[&str], used: &str, old_files: &str| -> Option<u64> {
        let limit = limits.iter().filter_map(|name| number::<u64>(group.join(name))).min()?;
        let used: u64 = number(group.join(used))?;
        let facts = read(group.join("memory.stat")).unwrap_or_default();
        let fact = |line: &str| line.strip_prefix(old_files)?.trim().parse::<u64>().ok();
        let old = facts.lines().find_map(fact).unwrap_or(0);
        Some(limit.saturating_sub(used.saturating_sub(old)))
    };
    of(&["memory.max", "memory.high"], "memory.current", "inactive_file ")
        .or_else(|| of(&["memory.limit_in_bytes"], "memory.usage_in_bytes", "total_inactive_file "))
}

#[cfg(test)]
mod tests;
