//! Requests and replies of the contender protocol, versions 1 and 2: one JSON object a line.

use std::path::PathBuf;

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use crate::backend::Claim;
use crate::terms::{DeviceKind, Dtype, Scope, Shape};

/// Version of the protocol.
pub const PROTOCOL: u32 = 2;

/// The version before, whose programs know f32 alone.
pub const F32_PROTOCOL: u32 = 1;

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

/// Every axis in canonical order.
fn axes<S: Serializer>(shape: &&Shape, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(shape.values().len()))?;
    for (name, value) in shape.values() {
        map.serialize_entry(name, value)?;
    }
    map.end()
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
        let wrong = all.find(|s| !(s.is_finite() && **s > 0.0))?;
        Some(format!("{wrong} is no time of a run"))
    }
}

/// Reads the reply to a request.
pub fn read<T: Reply>(line: &str, request: &Request<'_>) -> Result<T, Refused> {
    let nonsense = |what: &str| {
        let excerpt: String = line.chars().take(80).collect();
        Refused::Nonsense(format!("{what}: '{excerpt}'"))
    };
    let value: Value = serde_json::from_str(line)
        .map_err(|_| nonsense("is not JSON (messages of its own belong on standard error)"))?;
    let reason = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_string);
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
mod tests {
    use super::*;
    use crate::workload;

    #[test]
    fn requests_are_the_published_ones() {
        let gemm = workload::find("gemm").unwrap();
        let shape = gemm.shape("m=64,n=63,k=62").unwrap();
        let inputs = [PathBuf::from("/t/a.f32"), PathBuf::from("/t/b.f32")];
        let prepare = Request::Prepare {
            device: "cpu",
            workload: "gemm",
            shape: &shape,
            dtype: "f32",
            threads: 2,
            inputs: &inputs,
        };
        for (request, line) in [
            (Request::Hello { protocol: 2 }, r#"{"do":"hello","protocol":2}"#),
            (
                prepare,
                r#"{"do":"prepare","device":"cpu","workload":"gemm","shape":{"m":64,"n":63,"k":62,"ta":0,"tb":0},"dtype":"f32","threads":2,"inputs":["/t/a.f32","/t/b.f32"]}"#,
            ),
            (
                Request::Run { scope: Scope::EndToEnd, iterations: 3 },
                r#"{"do":"run","scope":"end_to_end","iterations":3}"#,
            ),
            (Request::Outputs { paths: &inputs[..1] }, r#"{"do":"outputs","paths":["/t/a.f32"]}"#),
            (Request::Release, r#"{"do":"release"}"#),
            (Request::Bye, r#"{"do":"bye"}"#),
        ] {
            assert_eq!(request.line(), format!("{line}\n"));
        }
    }

    /// The reply to a request that asks for nothing in particular.
    fn read<T: Reply>(line: &str) -> Result<T, Refused> {
        super::read(line, &Request::Release)
    }

    fn read_times(line: &str) -> Result<Claim, Refused> {
        super::read(line, &Request::Run { scope: Scope::Compute, iterations: 2 })
    }

    #[test]
    fn replies_are_read() {
        let hello: Hello = read(
            r#"{"protocol":1,"name":"pytorch","version":"2.15.0","extra":1,
                "devices":[{"id":"cuda-0","kind":"gpu","name":"any text"}]}"#,
        )
        .unwrap();
        assert_eq!((hello.name.as_str(), hello.devices[0].kind), ("pytorch", DeviceKind::Gpu));
        assert_eq!(hello.dtypes(), [Dtype::F32]);
        let hello: Hello = read(
            r#"{"protocol":2,"name":"x","version":"1","dtypes":["f64","i8","f32"],
                "devices":[{"id":"cpu","kind":"cpu","name":""}]}"#,
        )
        .unwrap();
        assert_eq!(hello.dtypes(), [Dtype::F32, Dtype::F64]);
        assert_eq!(read::<Done>(r#"{"ok":true,"threads":2}"#).unwrap().threads, Some(2));
        assert_eq!(read::<Done>(r#"{"ok":true}"#).unwrap().threads, None);
        let claim = read_times(r#"{"wall_s":[0.5,1e-6],"total_s":1}"#).unwrap();
        assert_eq!((claim.wall_s.as_slice(), claim.total_s), ([0.5, 1e-6].as_slice(), 1.0));
        let why = read::<Done>(r#"{"unsupported":"no dtype f16"}"#).unwrap_err();
        assert_eq!(why, Refused::Unsupported("no dtype f16".into()));
        let why = read::<Done>(r#"{"error":"out of memory"}"#).unwrap_err();
        assert_eq!(why, Refused::Error("out of memory".into()));
    }

    #[test]
    fn nonsense_is_named() {
        let nonsense = |refused: Refused| match refused {
            Refused::Nonsense(what) => what,
            other => panic!("{other:?}"),
        };
        for (line, part) in [
            ("Loading weights", "is not JSON"),
            (r#"{"protocol":1,"name":"x""#, "is not JSON"),
            ("[]", "lacks"),
            (r#"{"protocol":1,"name":"x","version":"1"}"#, "missing field `devices`"),
            (r#"{"protocol":3,"name":"x","version":"1","devices":[]}"#, "speaks protocol 3"),
            (r#"{"protocol":2,"name":"x","version":"1","devices":[]}"#, "'dtypes' names none"),
            (r#"{"protocol":1,"name":"a b","version":"1","devices":[]}"#, "name 'a b'"),
            (r#"{"protocol":1,"name":"x","version":"1","devices":[]}"#, "has no device"),
        ] {
            let what = nonsense(read::<Hello>(line).unwrap_err());
            assert!(what.contains(part), "{line}: {what}");
        }
        assert!(nonsense(read::<Done>(r#"{"ok":false}"#).unwrap_err()).contains("false"));
        for (line, part) in [
            (r#"{"wall_s":[1],"total_s":2}"#, "wall_s holds 1 times for 2 iterations"),
            (r#"{"wall_s":[1,1],"device_s":[1],"total_s":2}"#, "device_s holds 1 times"),
            (r#"{"wall_s":[1,-1],"total_s":2}"#, "-1 is no time"),
            (r#"{"wall_s":[1,0],"total_s":2}"#, "0 is no time"),
            (r#"{"wall_s":[1,"x"],"total_s":2}"#, "lacks"),
            (r#"{"wall_s":[1,NaN],"total_s":2}"#, "is not JSON"),
        ] {
            let what = nonsense(read_times(line).unwrap_err());
            assert!(what.contains(part), "{line}: {what}");
        }
    }
}
