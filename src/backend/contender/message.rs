//! Requests and replies of the contender protocol, versions 1 and 2: one JSON object a line.

use std::path::PathBuf;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use crate::backend::Claim;
use crate::error::visible;
use crate::terms::{DeviceKind, Dtype, Scope, Shape};

/// Version of the protocol.
pub const PROTOCOL: u32 = 2;

/// The version before, whose programs know f32 alone.
pub const F32_PROTOCOL: u32 = 1;

/// Seconds that no run takes: a program that tells of so many means another unit.
const ENDLESS_S: f64 = 1e6;

/// What the harness asks.
#[derive(Serialize)]
#[serde(tag = "do", rename_all = "lowercase")]
pub enum Request<'a> {
    /// Who are you?
    Hello { protocol: u32 },
    /// Take these operands and get ready.
    Prepare {
        device: &'a str,
        workload: &'a str,
        #[serde(serialize_with = "axes")]
        shape: &'a Shape,
        dtype: &'a str,
        threads: u32,
        inputs: &'a [PathBuf],
    },
    /// Compute.
    Run { scope: Scope, iterations: u64 },
    /// Write the results of the last run.
    Outputs { paths: &'a [PathBuf] },
    /// Free what was prepared.
    Release,
    /// End.
    Bye,
}

/// The axes that the shape is written with, in canonical order.
fn axes<S: Serializer>(shape: &&Shape, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(shape.values())
}

impl Request<'_> {
    /// The word by which people know it.
    pub fn name(&self) -> &'static str {
        match self {
            Request::Hello { .. } => "hello",
            Request::Prepare { .. } => "prepare",
            Request::Run { .. } => "run",
            Request::Outputs { .. } => "outputs",
            Request::Release => "release",
            Request::Bye => "bye",
        }
    }

    /// As a line.
    pub fn line(&self) -> String {
        let mut line = serde_json::to_string(self).expect("plain data in UTF-8 is JSON");
        line.push('\n');
        line
    }
}

/// Why a reply is not what was asked for.
#[derive(Debug, PartialEq)]
pub enum Refused {
    /// The contender does not serve this; it is well.
    Unsupported(String),
    /// The contender says that it failed; it goes on.
    Error(String),
    /// The reply is none of the protocol.
    Nonsense(String),
}

/// Reply to `hello`.
#[derive(Debug, Deserialize)]
pub struct Hello {
    /// [`PROTOCOL`] or [`F32_PROTOCOL`].
    pub protocol: u32,
    /// Its own name.
    pub name: String,
    /// Its version, free text.
    pub version: String,
    /// What it can compute on.
    pub devices: Vec<Offer>,
    /// Words of what it can compute in; those that nobody here knows count for nothing.
    #[serde(default)]
    dtypes: Vec<String>,
}

impl Hello {
    /// What the program can compute in.
    pub fn dtypes(&self) -> Vec<Dtype> {
        if self.protocol == F32_PROTOCOL {
            return vec![Dtype::F32];
        }
        let is_told = |dtype: &Dtype| self.dtypes.iter().any(|word| word == dtype.name());
        Dtype::ALL.into_iter().filter(is_told).collect()
    }
}

/// A device of a contender.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Offer {
    /// Its id inside the contender.
    pub id: String,
    /// What it is.
    pub kind: DeviceKind,
    /// Its name, free text.
    pub name: String,
}

/// Reply to `prepare`, `outputs` and `release`.
#[derive(Debug, Deserialize)]
pub struct Done {
    ok: bool,
    /// Threads in use, where it has any and was asked to prepare.
    pub threads: Option<u32>,
}

/// A reply of one kind; what it must hold beyond its form.
pub trait Reply: for<'de> Deserialize<'de> {
    /// What is wrong with it as the answer to a request, if anything.
    fn problem(&self, request: &Request<'_>) -> Option<String>;
}

impl Reply for Hello {
    fn problem(&self, _: &Request<'_>) -> Option<String> {
        let unfit = |text: &str| !crate::config::is_name(text);
        if self.protocol != PROTOCOL && self.protocol != F32_PROTOCOL {
            return Some(format!(
                "it speaks protocol {}, not {F32_PROTOCOL} or {PROTOCOL}",
                self.protocol
            ));
        }
        if unfit(&self.name) {
            return Some(format!("its name '{}' is not of [A-Za-z0-9_.-]", self.name));
        }
        if let Some(offer) = self.devices.iter().find(|d| unfit(&d.id)) {
            return Some(format!("its device id '{}' is not of [A-Za-z0-9_.-]", offer.id));
        }
        let twice = |d: &&Offer| self.devices.iter().filter(|o| o.id == d.id).count() > 1;
        if let Some(offer) = self.devices.iter().find(twice) {
            return Some(format!("its device id '{}' is there twice", offer.id));
        }
        if self.dtypes().is_empty() {
            return Some("its 'dtypes' names none that is known".to_string());
        }
        self.devices.is_empty().then(|| "it has no device".to_string())
    }
}

impl Reply for Done {
    fn problem(&self, _: &Request<'_>) -> Option<String> {
        (!self.ok).then(|| "its 'ok' is false".to_string())
    }
}

impl Reply for Claim {
    fn problem(&self, request: &Request<'_>) -> Option<String> {
        let Request::Run { iterations, .. } = *request else { return None };
        for (name, times) in [("wall_s", &self.wall_s), ("device_s", &self.device_s)] {
            let found = times.len() as u64;
            if found != iterations && !(name == "device_s" && found == 0) {
                return Some(format!("{name} holds {found} times for {iterations} iterations"));
            }
        }
        let mut all = self.wall_s.iter().chain(&self.device_s).chain([&self.total_s]);
        let wrong = all.find(|s| !(**s > 0.0 && **s < ENDLESS_S))?;
        let is_long = wrong.abs() >= ENDLESS_S;
        let wrong = if is_long { format!("{wrong:e}") } else { wrong.to_string() };
        Some(format!("{wrong} is no time of a run"))
    }
}

/// Reads the reply to a request.
pub fn read<T: Reply>(line: &str, request: &Request<'_>) -> Result<T, Refused> {
    let nonsense = |what: &str| {
        let excerpt: String = line.chars().take(80).collect();
        Refused::Nonsense(visible(&format!("{what}: '{excerpt}'")))
    };
    let value: Value = serde_json::from_str(line)
        .map_err(|_| nonsense("is not JSON (messages of its own belong on standard error)"))?;
    let reason = |key: &str| value.get(key).and_then(Value::as_str).map(visible);
    if let Some(reason) = reason("unsupported") {
        return Err(Refused::Unsupported(reason));
    }
    if let Some(reason) = reason("error") {
        return Err(Refused::Error(reason));
    }
    let reply: T = serde_json::from_value(value).map_err(|e| nonsense(&format!("lacks: {e}")))?;
    match reply.problem(request) {
        None => Ok(reply),
        Some(problem) => Err(nonsense(&problem)),
    }
}

#[cfg(test)]
mod tests;
