//! Axes and shapes: `m=512,n=512,k=512,ta=0,tb=0`.

use std::fmt;

use crate::error::{Error, Result, did_you_mean};

/// One axis of a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Axis {
    /// Its name.
    pub name: &'static str,
    /// The value where a shape leaves it out; none means it must be given.
    pub default: Option<u64>,
    /// Smallest legal value.
    pub least: u64,
    /// Largest legal value.
    pub most: u64,
    /// What sizes between two others are a multiple of.
    pub step: u64,
    /// Whether a shape is written without it where it is at its default, as it was before there was this axis.
    pub is_later: bool,
}

/// The step of an axis that asks for no other: vectors of eight.
const STEP: u64 = 8;

impl Axis {
    /// A size: must be given, from 1 on.
    pub const fn size(name: &'static str) -> Axis {
        Axis { name, default: None, least: 1, most: 1 << 40, step: STEP, is_later: false }
    }

    /// A size of a network, up to `most`: with others at theirs, all counts fit into 64 bits.
    pub const fn up_to(name: &'static str, most: u64) -> Axis {
        Axis { name, default: None, least: 1, most, step: STEP, is_later: false }
    }

    /// A switch, off unless said otherwise.
    pub const fn switch(name: &'static str) -> Axis {
        Axis { name, default: Some(0), least: 0, most: 1, step: 1, is_later: false }
    }

    /// Whether it is on or off and has no sizes.
    pub fn is_switch(&self) -> bool {
        (self.least, self.most) == (0, 1)
    }

    /// The same axis with another smallest value.
    pub const fn from(self, least: u64) -> Axis {
        Axis { least, ..self }
    }

    /// The same axis with a value where a shape leaves it out.
    pub const fn or(self, default: u64) -> Axis {
        Axis { default: Some(default), ..self }
    }

    /// The same axis, which came to its workload later than the others: shapes without it are written as before.
    pub const fn later(self) -> Axis {
        Axis { is_later: true, ..self }
    }

    /// The same axis, whose sizes from `step` on are multiples of it.
    pub const fn in_steps_of(self, step: u64) -> Axis {
        Axis { step, ..self }
    }

    /// Sizes between two others, from the middle outwards.
    pub fn between(&self, low: u64, high: u64) -> impl Iterator<Item = u64> + use<> {
        let step = if low >= self.step { self.step } else { self.step.min(STEP) };
        let middle = (low + high) / 2 / step * step;
        let away = (0..).map(move |steps: u64| steps * step).take_while(move |d| *d < high - low);
        let both = away.flat_map(move |d| [middle + d, middle.saturating_sub(d)]);
        both.filter(move |size| low < *size && *size < high)
    }
}

/// A value for every axis of a workload, in canonical order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    axes: &'static [Axis],
    values: Vec<u64>,
}

impl Shape {
    /// Builds a shape from values in the order of the workload's axes. For the project's own
    /// tables: the values are taken as they are.
    pub fn of(axes: &'static [Axis], values: &[u64]) -> Shape {
        debug_assert_eq!(axes.len(), values.len());
        Shape { axes, values: values.to_vec() }
    }

    /// Reads `A=N,..` for the axes of `owner`, which errors name, and fills in defaults. Bad usage is
    /// what is no number, an axis that is missing, unknown or given twice, and a value out of range.
    pub fn parse(owner: &str, axes: &'static [Axis], text: &str) -> Result<Shape> {
        let wrong = |what: String| Error::usage(format!("shape '{text}': {what}"));
        // Without axes there is one shape, which is written as nothing.
        let empty = text.is_empty() && axes.is_empty();
        let given = if empty { Vec::new() } else { both_directions(axes, text)? };
        if let Some((name, _)) = given.iter().find(|(name, _)| !has_axis(axes, name)) {
            let names: Vec<&str> = axes.iter().map(|a| a.name).collect();
            let (all, hint) = (names.join(" "), did_you_mean(name, names.iter().copied()));
            return Err(wrong(format!("{owner} has no axis '{name}'; its axes are {all}{hint}")));
        }
        let value = |axis: &Axis| {
            let Axis { name, least, most, .. } = *axis;
            let found = given.iter().find(|(given, _)| given == name).map(|(_, v)| *v);
            let missing = || wrong(format!("axis '{name}' is missing"));
            let value = found.or(axis.default).ok_or_else(missing)?;
            if value < least || value > most {
                let range = format!("from {least} to {most}");
                return Err(wrong(format!("{name}={value} is out of range, {range}")));
            }
            Ok(value)
        };
        Ok(Shape { axes, values: axes.iter().map(value).collect::<Result<_>>()? })
    }

    /// Whether `text` names only axes that are among these.
    pub fn names_axes(axes: &[Axis], text: &str) -> Result<bool> {
        let given = both_directions(axes, text)?;
        Ok(given.iter().all(|(name, _)| has_axis(axes, name)))
    }

    /// Whether `text` names only axes that are among these, and all of these that have no default.
    pub fn fits(axes: &[Axis], text: &str) -> Result<bool> {
        let given = both_directions(axes, text)?;
        let is_there =
            |a: &Axis| a.default.is_some() || given.iter().any(|(name, _)| name == a.name);
        Ok(given.iter().all(|(name, _)| has_axis(axes, name)) && axes.iter().all(is_there))
    }

    /// The value of an axis. The name is the program's own, so a missing one is a mistake in it.
    pub fn get(&self, axis: &str) -> u64 {
        let found = self.all().find(|(own, _)| own.name == axis);
        found.map(|(_, value)| value).expect("a workload asks only for its own axes")
    }

    /// The value of an axis as a length in memory.
    pub fn size(&self, axis: &str) -> usize {
        self.get(axis) as usize
    }

    /// The same shape with some axes set to `value`.
    pub fn with(&self, axes: &[&str], value: u64) -> Shape {
        let set = |(axis, old): (&Axis, u64)| if axes.contains(&axis.name) { value } else { old };
        Shape { axes: self.axes, values: self.all().map(set).collect() }
    }

    fn all(&self) -> impl Iterator<Item = (&'static Axis, u64)> + use<'_> {
        self.axes.iter().zip(self.values.iter().copied())
    }

    /// The axes that it is written with and their values, in canonical order.
    pub fn values(&self) -> impl Iterator<Item = (&'static str, u64)> + use<'_> {
        let is_written =
            |(axis, value): &(&Axis, u64)| !axis.is_later || axis.default != Some(*value);
        self.all().filter(is_written).map(|(axis, value)| (axis.name, value))
    }

    /// Without those that are at their default: short, still unique within a workload.
    pub fn short(&self) -> String {
        let shown = self.all().filter(|(axis, value)| axis.default != Some(*value));
        shown.map(|(axis, value)| format!("{}={value}", axis.name)).collect::<Vec<_>>().join(",")
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (name, value)) in self.values().enumerate() {
            let comma = if i > 0 { "," } else { "" };
            write!(f, "{comma}{name}={value}")?;
        }
        Ok(())
    }
}

fn has_axis(axes: &[Axis], name: &str) -> bool {
    axes.iter().any(|a| a.name == name)
}

/// The pairs of `text`, each axis once. `stride` is `stride_h` and `stride_w` where there are these;
/// likewise the like.
fn both_directions(axes: &[Axis], text: &str) -> Result<Vec<(String, u64)>> {
    let mut found: Vec<(String, u64)> = Vec::new();
    for (name, value) in pairs(text)? {
        let both = [format!("{name}_h"), format!("{name}_w")];
        let is_both = !has_axis(axes, name) && both.iter().all(|n| has_axis(axes, n));
        for name in if is_both { both.to_vec() } else { vec![name.to_string()] } {
            if found.iter().any(|(other, _)| *other == name) {
                let what = format!("shape '{text}': axis '{name}' is given twice");
                return Err(Error::usage(what));
            }
            found.push((name, value));
        }
    }
    Ok(found)
}

/// Splits `A=N,..`; each value a whole number.
fn pairs(text: &str) -> Result<Vec<(&str, u64)>> {
    let mut found: Vec<(&str, u64)> = Vec::new();
    for part in text.split(',') {
        let wrong = |what: &str| Error::usage(format!("shape '{text}': {what}; write A=N,B=N"));
        let (name, value) =
            part.split_once('=').ok_or_else(|| wrong(&format!("'{part}' is not A=N")))?;
        let (name, value) = (name.trim(), value.trim());
        let value =
            value.parse().map_err(|_| wrong(&format!("'{value}' is not a whole number")))?;
        found.push((name, value));
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
