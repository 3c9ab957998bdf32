//! A table as JSON, TOML, Rust and C. Generated code needs nothing but its language.

use serde_json::json;

use crate::error::{self, Error, Result};
use crate::terms::words;
use crate::units;

use super::decide::uses;
use super::{Entry, Table, Threshold};

words! {
    /// What a table is written in.
    pub enum Format {
        /// One JSON document.
        Json = "json",
        /// One TOML document.
        Toml = "toml",
        /// A module.
        Rust = "rust",
        /// A header, from C99 on.
        C = "c",
    }
}

impl Format {
    /// The format of this name.
    pub fn find(name: &str) -> Result<Format> {
        error::named("format", name, Format::ALL, |f| f.name())
    }
}

impl Table {
    /// The text of a file.
    pub fn text(&self, format: Format) -> Result<String> {
        match format {
            Format::Json => Ok(serde_json::to_string_pretty(&json!({
                "about": self.header(),
                "origin": self.origin,
                "entries": self.entries,
            }))
            .expect("plain data is JSON")),
            Format::Toml => {
                let text = toml::to_string_pretty(self).map_err(|e| {
                    Error::usage(format!("--dispatch toml: {}", error::one_line(&e.to_string())))
                })?;
                Ok(format!("{}\n\n{}", self.comment("#"), text.trim_end()))
            }
            Format::Rust => Ok(self.rust()),
            Format::C => Ok(self.c()),
        }
    }

    /// What was measured, when, on what, by which version, and how good choices are.
    fn header(&self) -> Vec<String> {
        let o = &self.origin;
        let threads = o.cpu_threads.map(|n| format!(", {n} threads")).unwrap_or_default();
        let mut lines = vec![
            format!(
                "When to prefer a device, by {} from run {} of {}.",
                o.program, o.run, o.measured
            ),
            format!("CPU: {}{threads}, {}. Times in seconds, sizes in elements.", o.cpu, o.system),
        ];
        let devices = o.devices.iter();
        lines.extend(devices.map(|d| format!("Device {}: {}; {}.", d.id, d.name, d.driver)));
        lines.push(
            "Regret: total time of the choices over that of the best, less 1, each shape left out in its turn.".into(),
        );
        for entry in &self.entries {
            lines.extend(entry.header());
        }
        lines.iter().map(|line| harmless(line)).collect()
    }

    fn comment(&self, mark: &str) -> String {
        let lines: Vec<_> = self.header().iter().map(|line| format!("{mark} {line}")).collect();
        lines.join("\n")
    }

    fn rust(&self) -> String {
        let mut text = self.comment("//!") + "\n\n#![allow(dead_code)]\n";
        let mut names = Names::default();
        let (mut families, mut fits, mut family) = (String::new(), String::new(), 0);
        for (number, entry) in self.entries.iter().enumerate() {
            let name = names.of(&entry.words());
            text += &format!(
                "\n/// {}\npub const {name}: usize = {number};\n",
                harmless(&entry.words())
            );
            for (what, of) in self.fingerprint(entry) {
                text += &format!("pub const {name}_{what}: &str = {of:?};\n");
            }
            for own in &entry.families {
                let name = names.of(&format!("{} {}", entry.words(), own.family));
                let like = harmless(&own.example_shape);
                text += &format!("/// Shapes like {like}.\npub const {name}: usize = {family};\n");
                family += 1;
                let thresholds: Vec<_> = own.thresholds.iter().map(|t| t.rust()).collect();
                families += &format!("    &[\n{}    ],\n", thresholds.concat());
            }
            let [cpu, device] = [entry.fit.cpu, entry.fit.device].map(|t| numbers(&t.all()));
            fits += &format!(
                "    Fit {{\n        cpu_s: [{cpu}],\n        device_s: [{device}],\n        stay_margin: {:e},\n    }},\n",
                entry.fit.stay_margin
            );
        }
        text += include_str!("decide.rs.in");
        text += &format!("\nconst FAMILIES: [&[Threshold]; {family}] = [\n{families}];\n");
        text + &format!("\nconst FITS: [Fit; {}] = [\n{fits}];", self.entries.len())
    }

    fn c(&self) -> String {
        let mut text =
            self.comment("//") + "\n\n#ifndef CROSSOVER_DISPATCH_H\n#define CROSSOVER_DISPATCH_H\n";
        text += include_str!("decide.c.in");
        let mut names = Names::default();
        let (mut thresholds, mut families, mut fits) =
            (String::new(), String::new(), String::new());
        let (mut family, mut first) = (0, 0);
        let mut switches = Vec::new();
        for (number, entry) in self.entries.iter().enumerate() {
            let name = names.of(&entry.words());
            text +=
                &format!("\n// {}\n#define CROSSOVER_{name} {number}\n", harmless(&entry.words()));
            for (what, of) in self.fingerprint(entry) {
                text += &format!("#define CROSSOVER_{name}_{what} {}\n", c_string(of));
            }
            for own in &entry.families {
                let name = names.of(&format!("{} {}", entry.words(), own.family));
                let like = harmless(&own.example_shape);
                text += &format!("// shapes like {like}\n#define CROSSOVER_{name} {family}\n");
                family += 1;
                families += &format!("    {{{first}, {}}},\n", own.thresholds.len());
                first += own.thresholds.len();
                for threshold in &own.thresholds {
                    thresholds += &threshold.c(switches.len());
                    switches.extend(&threshold.switch_sizes);
                }
            }
            let [cpu, device] = [entry.fit.cpu, entry.fit.device].map(|t| numbers(&t.all()));
            fits += &format!("    {{{{{cpu}}}, {{{device}}}, {:e}}},\n", entry.fit.stay_margin);
        }
        // An array without elements is none in C.
        if family == 0 {
            thresholds += "    {0, 0, 0, 0, 0, 0, 0, 1, 0},\n";
            families += "    {0, 0},\n";
        }
        if switches.is_empty() {
            switches.push(0.0);
        }
        let switches = numbers(&switches);
        text += &format!("\nstatic const double crossover_switch_sizes[] = {{{switches}}};\n");
        text += &format!(
            "\nstatic const crossover_threshold crossover_thresholds[] = {{\n{thresholds}}};\n"
        );
        text +=
            &format!("\nstatic const crossover_family crossover_families[] = {{\n{families}}};\n");
        text += &format!("\nstatic const crossover_fit crossover_fits[] = {{\n{fits}}};\n");
        text + include_str!("decide_end.c.in") + "\n#endif"
    }

    /// Name and driver of the device that an entry is about, where machine.json has it.
    fn fingerprint(&self, entry: &Entry) -> Vec<(&'static str, &str)> {
        let device = self.origin.devices.iter().find(|d| d.id == entry.device);
        device
            .iter()
            .flat_map(|d| [("DEVICE", d.name.as_str()), ("DRIVER", d.driver.as_str())])
            .collect()
    }
}

impl Entry {
    /// `gemm f32 opencl:0`.
    fn words(&self) -> String {
        format!("{} {} {}", self.workload, self.dtype.name(), self.device)
    }

    fn header(&self) -> Vec<String> {
        let percent = |share: f64| format!("{} %", units::significant(100.0 * share));
        let error = |error: Option<super::Error>| match error {
            Some(e) => {
                format!("{} in the median, {} at worst", percent(e.median), percent(e.worst))
            }
            None => "unknown".to_string(),
        };
        let mut lines = vec![format!(
            "{}, {}: the fit is off on shapes left out by {} for the CPU, {} for the device.",
            self.words(),
            self.implementation,
            error(self.fit.cpu_error),
            error(self.fit.device_error)
        )];
        lines.extend(self.regret.iter().map(|r| {
            format!(
                "{}, {}: regret {} over {} shapes, {} by the fit alone; always the CPU {}, always the device {}.",
                self.words(),
                r.scope.name(),
                percent(r.table),
                r.shapes,
                percent(r.fit),
                percent(r.cpu),
                percent(r.device)
            )
        }));
        lines
    }
}

impl Threshold {
    fn rust(&self) -> String {
        let Threshold { measured_from_size, measured_to_size, holds_below, holds_above, .. } = self;
        let [low, high] = self.stay_sizes.unwrap_or([1, 0]);
        format!(
            "        // {}: crossover {}\n        Threshold {{\n            uses: {},\n            \
             measured_from_size: {measured_from_size},\n            measured_to_size: {measured_to_size},\n            \
             switch_sizes: &[{}],\n            holds_below: {holds_below},\n            \
             holds_above: {holds_above},\n            stay_sizes: [{low}, {high}],\n        }},\n",
            self.scope.name(),
            self.crossover,
            uses(self.scope),
            numbers(&self.switch_sizes),
        )
    }

    /// With its switches from place `first` on of their array.
    fn c(&self, first: usize) -> String {
        let [low, high] = self.stay_sizes.unwrap_or([1, 0]);
        format!(
            "    {{{}u, {}u, {}u, {first}, {}, {}, {}, {low}u, {high}u}},  // {}: crossover {}\n",
            uses(self.scope),
            self.measured_from_size,
            self.measured_to_size,
            self.switch_sizes.len(),
            u8::from(self.holds_below),
            u8::from(self.holds_above),
            self.scope.name(),
            self.crossover
        )
    }
}

/// Numbers as every language reads them.
fn numbers(values: &[f64]) -> String {
    values.iter().map(|value| format!("{value:e}")).collect::<Vec<_>>().join(", ")
}

/// Text that stays within its line of a comment, whatever a driver calls itself.
fn harmless(text: &str) -> String {
    error::one_line(text).replace('\\', "/")
}

/// A string literal of C: what is not plain stands as octal bytes, which have three digits at the most.
fn c_string(text: &str) -> String {
    let byte = |b: u8| match b {
        b'"' | b'\\' | b'?' => format!("\\{:03o}", b),
        b' '..=b'~' => char::from(b).to_string(),
        b => format!("\\{b:03o}"),
    };
    format!("\"{}\"", text.bytes().map(byte).collect::<String>())
}

/// Names of constants, each once.
#[derive(Default)]
struct Names(Vec<String>);

impl Names {
    /// `GEMM_F32_OPENCL_0` of `gemm f32 opencl:0`; with a number behind it where that is another's name.
    fn of(&mut self, words: &str) -> String {
        let upper = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
        let plain: String = words.chars().map(upper).collect();
        // What stands behind a name must be no other's name either.
        let tries = (1..).map(|n| if n == 1 { plain.clone() } else { format!("{plain}_{n}") });
        let is_free = |name: &String| !self.0.contains(name);
        let name = tries.into_iter().find(is_free).unwrap_or(plain);
        self.0.push(name.clone());
        name
    }
}
