//! Programs of others as devices: a framework, a vendor's library, a kernel of your own. The program
//! speaks the contender protocol (contenders/README.md); everything that can go wrong with it costs
//! the case at hand and nothing else.
//!
//! | file | holds |
//! | --- | --- |
//! | `backend.rs` | contenders among the backends |
//! | `message.rs` | requests and replies |
//! | `process.rs` | a running program: a question, an answer in time or a reason |
//! | `log.rs` | what it says on standard error |
//! | `exchange.rs` | the private folder for tensors |
//! | `idle.rs` | waiting for threads that spin |
//! | `runner.rs` | a prepared task |

pub mod backend;
mod exchange;
mod idle;
mod log;
mod message;
mod process;
mod runner;

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use super::{Device, Devices, Runner, Task};
use crate::config::ContenderConfig;
use crate::error::{Error, Result};
use crate::machine::{self, DeviceEntry};
use crate::network::Memory;
use crate::terms::{DeviceId, DeviceKind, Dtype};
use crate::workload::Workload;

use exchange::Exchange;
use log::Log;
use message::{F32_PROTOCOL, Hello, Offer, PROTOCOL, Refused, Reply, Request};
use process::Process;

/// First part of the ids of all devices.
const PREFIX: &str = "contender";

/// Workloads that the protocol has.
const WORKLOADS: [&str; 9] = [
    "gemm",
    "gemv",
    "conv-fprop",
    "conv-dgrad",
    "conv-wgrad",
    "train-mlp",
    "train-cnn",
    "train-lstm",
    "train-transformer",
];

/// Usual limits of answers.
const HELLO: Duration = Duration::from_secs(120);
const PREPARE: Duration = Duration::from_secs(120);
const RUN: Duration = Duration::from_secs(10);
const OUTPUTS: Duration = Duration::from_secs(60);
const RELEASE: Duration = Duration::from_secs(60);

/// Kills all contenders and removes their tensors. For an end without clean-up.
pub fn abandon() {
    machine::children::kill_all();
    exchange::remove_all();
}

/// Starts contenders and asks what they can compute on. CPU devices get `threads` threads. Those that
/// don't answer are problems.
pub fn discover(configs: &[ContenderConfig], threads: u32) -> Result<Devices> {
    let mut found = Devices::default();
    if configs.is_empty() {
        return Ok(found);
    }
    let exchange = Rc::new(Exchange::new()?);
    let mut names: Vec<String> = Vec::new();
    for config in configs {
        match devices(config, threads, &exchange, &mut names) {
            Ok(devices) => found.all.extend(devices),
            Err(why) => {
                found.problems.push(format!("contender '{}' can't be used: {why}", config.command));
            }
        }
    }
    Ok(found)
}

/// The devices of one contender. The first takes over the process that was asked.
fn devices(
    config: &ContenderConfig,
    threads: u32,
    exchange: &Rc<Exchange>,
    names: &mut Vec<String>,
) -> std::result::Result<Vec<Box<dyn Device>>, String> {
    let log = Log::default();
    let mut process = Process::start(&config.words()?, threads, &log)?;
    let hello = greet(&mut process, config.limit(HELLO))?;
    let wanted = config.name.as_deref().unwrap_or(&hello.name);
    let name = unique(wanted, names);
    names.push(name.clone());
    let mut process = Some(process);
    let mut device = |offer: Offer| Contender {
        entry: entry(&name, &hello, &offer, threads),
        implementation: hello.name.clone(),
        dtypes: hello.dtypes(),
        offer,
        name: name.clone(),
        config: config.clone(),
        threads,
        log: log.clone(),
        exchange: Rc::clone(exchange),
        link: RefCell::new(process.take().ok_or_else(|| "it is not running".to_string())),
    };
    let boxed = |offer: &Offer| Box::new(device(offer.clone())) as Box<dyn Device>;
    Ok(hello.devices.iter().map(boxed).collect())
}

/// Asks who a program is. One that refuses the version of the protocol is asked in the one before.
fn greet(process: &mut Process, limit: Duration) -> std::result::Result<Hello, String> {
    let mut ask = |protocol| {
        let hello = Request::Hello { protocol };
        Ok::<_, String>(message::read(&process.ask(&hello, limit)?, &hello))
    };
    let reply = match ask(PROTOCOL)? {
        Err(Refused::Error(_)) => ask(F32_PROTOCOL)?,
        reply => reply,
    };
    reply.map_err(|refused| told("hello", refused))
}

/// A refusal as a reason.
fn told(request: &str, refused: Refused) -> String {
    match refused {
        Refused::Unsupported(why) => why,
        Refused::Error(why) => format!("failed at '{request}': {why}"),
        Refused::Nonsense(why) => format!("its answer to '{request}' {why}"),
    }
}

/// `wanted`, or with `-2`, `-3` at its end where that is taken.
fn unique(wanted: &str, taken: &[String]) -> String {
    let is_free = |name: &String| !taken.contains(name);
    let numbered = (2..).map(|n| format!("{wanted}-{n}"));
    std::iter::once(wanted.to_string()).chain(numbered).find(is_free).unwrap_or_default()
}

fn entry(name: &str, hello: &Hello, offer: &Offer, threads: u32) -> DeviceEntry {
    let is_cpu = offer.kind == DeviceKind::Cpu;
    let memory_bytes = if is_cpu { machine::cpu_facts().memory_bytes } else { 0 };
    let id = DeviceId::contender(name, &offer.id);
    let device_name = crate::error::one_line(&offer.name);
    DeviceEntry {
        driver: format!("{} {}", hello.name, crate::error::one_line(&hello.version)),
        threads: is_cpu.then_some(threads),
        memory_bytes,
        max_allocation_bytes: memory_bytes,
        ..DeviceEntry::new(id, offer.kind, &device_name, PREFIX)
    }
}

/// One device of a contender, with a process of its own.
struct Contender {
    entry: DeviceEntry,
    /// The name it gives itself.
    implementation: String,
    dtypes: Vec<Dtype>,
    offer: Offer,
    name: String,
    config: ContenderConfig,
    threads: u32,
    log: Log,
    exchange: Rc<Exchange>,
    /// The way to the program, or why the case at hand has none.
    link: RefCell<std::result::Result<Process, String>>,
}

impl Contender {
    /// Starts the program anew where the last case ended badly.
    fn revive(&self) -> Result<()> {
        let mut link = self.link.borrow_mut();
        if link.is_err() {
            *link = Ok(self.start().map_err(|why| self.refusal(&why))?);
        }
        Ok(())
    }

    fn start(&self) -> std::result::Result<Process, String> {
        let mut process = Process::start(&self.config.words()?, self.threads, &self.log)?;
        let hello = greet(&mut process, self.config.limit(HELLO))?;
        let is_same = hello.name == self.implementation && hello.dtypes() == self.dtypes;
        if is_same && hello.devices.contains(&self.offer) {
            return Ok(process);
        }
        Err(format!("when started again it was '{}' with other devices or dtypes", hello.name))
    }

    /// Asks for what `request` names. A program that fails to answer is ended, and the rest of the
    /// case fails with the same reason.
    fn ask<T: Reply>(&self, request: &Request<'_>, limit: Duration) -> Result<T> {
        let mut link = self.link.borrow_mut();
        let process = link.as_mut().map_err(|why| self.refusal(why))?;
        let why = match process.ask(request, limit) {
            Ok(line) => match message::read(&line, request) {
                Ok(reply) => return Ok(reply),
                Err(Refused::Unsupported(why)) => return Err(Error::Unsupported(why)),
                Err(refused) => told(request.name(), refused),
            },
            Err(why) => why,
        };
        // Killed before the next case: nobody knows what state it is in.
        *link = Err(why.clone());
        Err(self.refusal(&why))
    }

    fn refusal(&self, why: &str) -> Error {
        Error::device(format!("{}: {why}", self.name))
    }

    /// Waits until its threads are asleep.
    fn settle(&self) {
        if let Ok(process) = &*self.link.borrow() {
            idle::wait_for(process.id());
        }
    }
}

impl Device for Contender {
    fn entry(&self) -> &DeviceEntry {
        &self.entry
    }

    fn implementations(&self, workload: &dyn Workload, dtype: Dtype) -> Vec<&str> {
        let known = WORKLOADS.contains(&workload.name()) && self.dtypes.contains(&dtype);
        known.then_some(self.implementation.as_str()).into_iter().collect()
    }

    /// Its own copies, or what a step keeps, and files that may lie in memory.
    fn footprint_bytes(&self, task: &Task<'_>) -> u64 {
        let files = runner::tensor_bytes(task);
        let step = task.workload.network().map(|n| Memory::of(&(n.graph)(task.shape)).total());
        files + step.unwrap_or(files)
    }

    fn prepare(&self, task: &Task<'_>) -> Result<Box<dyn Runner + '_>> {
        self.exchange.check_room(runner::tensor_bytes(task))?;
        self.revive()?;
        Ok(Box::new(runner::ContenderRunner::new(self, task)?))
    }

    fn log_to(&self, folder: &Path) {
        self.log.write_to(folder.join(format!("contender-{}.log", self.name)));
    }
}

impl Drop for Contender {
    fn drop(&mut self) {
        let none = Err("it was ended".to_string());
        if let Ok(process) = std::mem::replace(self.link.get_mut(), none) {
            process.end();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_unique() {
        let mut taken = Vec::new();
        for expected in ["pytorch", "pytorch-2", "pytorch-3"] {
            let name = unique("pytorch", &taken);
            assert_eq!(name, expected);
            taken.push(name);
        }
    }
}
