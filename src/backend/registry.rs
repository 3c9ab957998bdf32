//! Which backends there are, the devices that they find together, and what names mean.

use std::collections::HashSet;

use super::{Backend, Device, Devices, Request};
use crate::error::{Error, Result, did_you_mean};
use crate::machine::{self, DeviceEntry};
use crate::terms::{DeviceId, DeviceKind};

/// Every backend, in the order in which devices are listed. The CPU path comes first.
pub const BACKENDS: &[&dyn Backend] = &[
    &super::cpu::backend::CpuPath,
    &super::opencl::backend::OpenCl,
    &super::contender::backend::Contenders,
];

/// To be called first in `main` by a program that looks for devices: see
/// [`Backend::answer_if_asked`].
pub fn answer_if_asked() {
    BACKENDS.iter().for_each(|backend| backend.answer_if_asked());
}

/// Ends what backends started, for an end of this process without clean-up.
pub fn abandon() {
    BACKENDS.iter().for_each(|backend| backend.abandon());
}

/// The backend that drives a device.
pub fn backend_of(device: &DeviceEntry) -> Option<&'static dyn Backend> {
    let prefix = device.id.backend();
    BACKENDS.iter().copied().find(|backend| backend.prefix() == prefix)
}

/// Chooses the cores, holds this process, the drivers it will load and the contenders to them, and
/// finds the devices.
///
/// # Safety
///
/// No other thread may run yet: drivers are told through the environment.
pub unsafe fn start(request: &Request<'_>) -> Result<(Vec<usize>, Devices)> {
    machine::share_heap();
    let cores = machine::choose_cores(request.threads)?;
    // Drivers and contenders start their threads from this one and inherit its mask.
    machine::restrict_thread(&cores);
    for backend in BACKENDS {
        // SAFETY: the caller promises that no other thread runs.
        unsafe { backend.prepare_process(&cores) };
    }
    let mut devices = discover(request, &cores)?;
    select(&mut devices.all, request.names)?;
    Ok((cores, devices))
}

/// Finds every device that a request may mean. `cores` are the processors to compute on.
pub fn discover(request: &Request<'_>, cores: &[usize]) -> Result<Devices> {
    let mut found = Devices::default();
    for backend in BACKENDS.iter().filter(|backend| is_asked(**backend, request.names)) {
        let Devices { all, problems } = backend.discover(request, cores)?;
        found.all.extend(all);
        found.problems.extend(problems);
    }
    Ok(found)
}

/// Whether a backend is asked for devices where the user named these.
fn is_asked(backend: &dyn Backend, names: &[String]) -> bool {
    let is_foreign = |name: &String| {
        let id = DeviceId::from(name.to_lowercase().as_str());
        let mut others = BACKENDS.iter().map(|b| b.prefix()).filter(|p| *p != backend.prefix());
        others.any(|prefix| prefix == id.backend())
    };
    !backend.starts_programs() || names.is_empty() || !names.iter().all(is_foreign)
}

/// Keeps the devices the user named; no names keep all.
fn select(devices: &mut Vec<Box<dyn Device>>, names: &[String]) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    let mut keep = HashSet::new();
    for name in names {
        keep.extend(matching(devices, name)?);
    }
    let mut index = 0..;
    devices.retain(|_| index.next().is_some_and(|index| keep.contains(&index)));
    Ok(())
}

/// Words that stand for several devices: `gpu`, and the backends.
pub fn words() -> impl Iterator<Item = &'static str> {
    BACKENDS.iter().map(|backend| backend.prefix()).chain([DeviceKind::Gpu.name()])
}

/// Whether a word of [`words`] stands for a device.
fn stands_for(word: &str, device: &DeviceEntry) -> bool {
    device.id.backend() == word
        || (word == DeviceKind::Gpu.name() && device.kind == DeviceKind::Gpu)
}

/// Positions of the devices that `name` means, in whatever case: an id, a word of [`words`], a contender's
/// name, or part of the name of exactly one.
fn matching(devices: &[Box<dyn Device>], name: &str) -> Result<Vec<usize>> {
    let all = |test: &dyn Fn(&DeviceEntry) -> bool| -> Vec<usize> {
        (0..devices.len()).filter(|i| test(devices[*i].entry())).collect()
    };
    let found = all(&|device| {
        let is_name = |word: &str| word.eq_ignore_ascii_case(name);
        is_name(device.id.as_str())
            || device.id.program().is_some_and(is_name)
            || words().any(|word| is_name(word) && stands_for(word, device))
    });
    if !found.is_empty() {
        return Ok(found);
    }
    let lower = name.to_lowercase();
    let by_name = all(&|d| d.name.to_lowercase().contains(&lower));
    let listed: Vec<&str> = devices.iter().map(|d| d.entry().id.as_str()).collect();
    // Words that stand for devices which are there.
    let is_there = |word: &&str| devices.iter().any(|d| stands_for(word, d.entry()));
    match by_name.len() {
        1 => Ok(by_name),
        0 => Err(Error::usage(format!(
            "no device '{name}'; there is {} ('crossover devices' lists them, 'crossover doctor' \
             says what is missing){}",
            listed.join(", "),
            did_you_mean(
                &lower,
                listed.iter().copied().chain(words().map(|w| -> &str { w }).filter(is_there))
            )
        ))),
        _ => {
            let ids: Vec<&str> = by_name.iter().map(|i| listed[*i]).collect();
            Err(Error::usage(format!("device '{name}' fits {}; name one", ids.join(" and "))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::contender::backend::Contenders;

    #[test]
    fn every_device_has_the_id_and_the_backend_of_one_in_the_table() {
        let found = discover(&Request::default(), &[0]).unwrap();
        assert!(!found.all.is_empty());
        for device in &found.all {
            let entry = device.entry();
            let backend = backend_of(entry).unwrap_or_else(|| panic!("{}", entry.id));
            assert_eq!(backend.prefix(), entry.backend);
        }
    }

    #[test]
    fn no_two_backends_share_a_word() {
        let mut words: Vec<&str> = words().collect();
        words.sort_unstable();
        let count = words.len();
        words.dedup();
        assert_eq!(words.len(), count);
    }

    #[test]
    fn programs_are_started_only_where_a_name_may_mean_one() {
        let is_asked = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| name.to_string()).collect();
            is_asked(&Contenders, &names)
        };
        for names in [&[][..], &["pytorch"], &["cpu", "contender"], &["gpu"], &["openclblast"]] {
            assert!(is_asked(names), "{names:?}");
        }
        for names in [&["cpu"][..], &["opencl"], &["opencl:0", "cpu"]] {
            assert!(!is_asked(names), "{names:?}");
        }
    }
}
