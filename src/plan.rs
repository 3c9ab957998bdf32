//! Selection to cases: which shapes of which workloads are measured, and where they belong. Pure.

mod sweeps;

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::config::ContenderConfig;
use crate::error::{Error, Result};
use crate::record::PlanRow;
use crate::terms::{Axis, Cache, CaseKey, Cased, DeviceId, Dtype, RowKey, Scope, Shape};
use crate::workload::{self, Entry, Host, Preset, WORKLOADS, Workload};

/// What the user asked for. Kept in machine.json, so that a run can be continued.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Selection {
    /// Name of the preset.
    pub preset: String,
    /// Names of workloads; empty means all.
    pub workloads: Vec<String>,
    /// Shapes as `A=N,..`; where there are no sweeps either, empty means the preset's.
    pub shapes: Vec<String>,
    /// Families with their sizes, as `A=B=LOW..HIGH,C=N`.
    #[serde(default)]
    pub sweeps: Vec<String>,
    /// Device ids, kinds or parts of names; empty means all.
    pub devices: Vec<String>,
    /// Implementations; empty means each device's default, `all` every one.
    pub implementations: Vec<String>,
    /// Scopes to measure.
    pub scopes: Vec<Scope>,
    /// What to compute in; empty means what is usual for each workload.
    #[serde(default)]
    pub dtypes: Vec<Dtype>,
    /// Cache states to measure.
    pub caches: Vec<Cache>,
    /// CPU threads; none means one for each physical core.
    pub threads: Option<u32>,
    /// Seconds for the whole run.
    pub budget: Option<f64>,
    /// Seed of the data and of the order of rounds.
    pub seed: u64,
    /// What the presets have to know of the machine.
    #[serde(default)]
    pub host: Host,
    /// Programs to measure besides.
    #[serde(default)]
    pub contenders: Vec<ContenderConfig>,
    /// Whether runs are taken apart into their operations.
    #[serde(default)]
    pub profile: bool,
    /// Whether everything is measured twice, to learn the smallest difference that shows.
    #[serde(default)]
    pub noise_floor: bool,
}

impl Default for Selection {
    fn default() -> Self {
        Selection {
            preset: Preset::Quick.name().to_string(),
            workloads: Vec::new(),
            shapes: Vec::new(),
            sweeps: Vec::new(),
            devices: Vec::new(),
            implementations: Vec::new(),
            scopes: vec![Scope::Compute, Scope::EndToEnd],
            dtypes: Vec::new(),
            caches: vec![Cache::Hot],
            threads: None,
            budget: None,
            seed: 1,
            host: Host::default(),
            contenders: Vec::new(),
            profile: false,
            noise_floor: false,
        }
    }
}

impl Selection {
    /// What a workload is computed in: what was asked for, as far as the workload has it.
    pub fn dtypes_of(&self, workload: &dyn Workload) -> Vec<Dtype> {
        let of_preset = Preset::parse(&self.preset).ok().and_then(Preset::dtypes);
        let wanted: &[Dtype] = match (&self.dtypes[..], of_preset) {
            ([], Some(dtypes)) => dtypes,
            ([], None) => return workload.usual_dtypes().to_vec(),
            (given, _) => given,
        };
        let asked = |dtype: &&Dtype| wanted.contains(dtype);
        workload.dtypes().iter().filter(asked).copied().collect()
    }
}

/// How long to look at one runner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effort {
    /// Cap of the warm-up in seconds.
    pub warm_up_s: f64,
    /// Cap of the samples in seconds.
    pub sample_s: f64,
}

impl Effort {
    /// The caps of a preset, per runner and case.
    pub fn of(preset: Preset) -> Effort {
        match preset {
            Preset::Quick
            | Preset::DeepBench
            | Preset::Blob
            | Preset::ResNet50
            | Preset::Vgg16
            | Preset::UNet => Effort { warm_up_s: 0.1, sample_s: 0.25 },
            Preset::Standard => Effort { warm_up_s: 0.3, sample_s: 1.0 },
            Preset::Full => Effort { warm_up_s: 1.0, sample_s: 5.0 },
        }
    }

    /// Both caps times `factor`.
    pub fn scaled(self, factor: f64) -> Effort {
        Effort { warm_up_s: self.warm_up_s * factor, sample_s: self.sample_s * factor }
    }
}

/// One shape to be measured by every runner, with its memberships.
#[derive(Clone)]
pub struct Case {
    /// The workload.
    pub workload: &'static dyn Workload,
    /// Its shape.
    pub shape: Shape,
    /// What it is computed in.
    pub dtype: Dtype,
    /// The state of the caches.
    pub cache: Cache,
    /// Sweeps and lists it belongs to.
    pub rows: Vec<PlanRow>,
    /// Why it is left out from the start.
    pub skip: Option<String>,
}

impl Case {
    /// Whether a row is about this case.
    pub fn has(&self, row: &impl Cased) -> bool {
        let key = row.case();
        (key.workload, key.dtype, key.cache) == (self.workload.name(), self.dtype, self.cache)
            && key.shape == self.shape.to_string()
    }

    /// Whether the same is measured as in another case.
    pub fn is_same(&self, other: &Case) -> bool {
        (self.workload.name(), &self.shape, self.dtype, self.cache)
            == (other.workload.name(), &other.shape, other.dtype, other.cache)
    }

    /// Takes on the rows of another case of the same, as what it also is a point of. Returns whether there are new ones.
    pub fn join(&mut self, other: Case) -> bool {
        let known = self.rows.len();
        for row in other.rows {
            if !self.rows.contains(&row) {
                self.rows.push(row);
            }
        }
        self.rows.len() > known
    }

    /// `gemm m=512,n=512,k=512`, for people.
    pub fn name(&self) -> String {
        let dtype = if self.dtype == Dtype::F32 { "" } else { self.dtype.name() };
        let shape = self.shape.short();
        let words = [self.workload.name(), &shape, dtype];
        words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
    }
}

/// Adds a case, or what else a known one is a point of. Returns whether that is new.
pub fn add(cases: &mut Vec<Case>, case: Case) -> bool {
    match cases.iter_mut().find(|known| known.is_same(&case)) {
        Some(known) => known.join(case),
        None => {
            cases.push(case);
            true
        }
    }
}

/// The cases that none of these rows is about, with their positions.
pub fn left<'c>(cases: &'c [Case], done: &[impl Cased]) -> Vec<(usize, &'c Case)> {
    let is_left = |(_, case): &(usize, &Case)| !done.iter().any(|row| case.has(row));
    cases.iter().enumerate().filter(is_left).collect()
}

/// Expands a selection into cases, each shape once, in the order of the workloads' lists.
pub fn cases(selection: &Selection) -> Result<Vec<Case>> {
    let preset = Preset::parse(&selection.preset)?;
    let workloads = chosen_workloads(selection)?;
    if batch_of_network(preset, &selection.shapes).is_none() {
        check_shapes(&workloads, &selection.shapes)?;
    }
    sweeps::check(&workloads, &selection.sweeps)?;
    let mut cases = Vec::new();
    for workload in &workloads {
        let entries = entries(selection, *workload, preset)?;
        for cache in &selection.caches {
            for dtype in selection.dtypes_of(*workload) {
                let budget = selection.budget.is_some();
                add_entries(&mut cases, *workload, (dtype, *cache), &entries, budget);
            }
        }
    }
    if cases.is_empty() {
        let names: Vec<&str> = selection.dtypes.iter().map(|d| d.name()).collect();
        let why = match names.as_slice() {
            [] => format!("preset '{}' has no shapes for the chosen workloads", selection.preset),
            names => format!("no chosen workload is computed in {}", names.join(" or ")),
        };
        return Err(Error::usage(format!("nothing to measure: {why}")));
    }
    Ok(cases)
}

fn chosen_workloads(selection: &Selection) -> Result<Vec<&'static dyn Workload>> {
    if selection.workloads.is_empty() {
        return Ok(WORKLOADS.to_vec());
    }
    selection.workloads.iter().map(|name| workload::find(name)).collect()
}

fn entries(
    selection: &Selection,
    workload: &'static dyn Workload,
    preset: Preset,
) -> Result<Vec<Entry>> {
    let entries = || workload.preset(preset, &selection.host);
    if !selection.sweeps.is_empty() {
        let mut entries = sweeps::entries(workload, &selection.sweeps)?;
        entries.extend(sweep_or_list(workload, shapes_of(workload, &selection.shapes)?));
        return Ok(entries);
    }
    if selection.shapes.is_empty() {
        return Ok(entries());
    }
    if let Some(n) = batch_of_network(preset, &selection.shapes) {
        let with_batch = |entry: Entry| Entry { shape: entry.shape.with(&["n"], n), ..entry };
        return Ok(entries().into_iter().map(with_batch).collect());
    }
    Ok(sweep_or_list(workload, shapes_of(workload, &selection.shapes)?))
}

/// The batch, where all that the user says of the shapes of a network is `n=N`.
fn batch_of_network(preset: Preset, shapes: &[String]) -> Option<u64> {
    let [shape] = shapes else { return None };
    let (name, value) = shape.split_once('=').filter(|_| preset.is_network())?;
    let value = value.trim().parse().ok().filter(|n| (1..=1 << 20).contains(n));
    value.filter(|_| name.trim() == "n")
}

/// The shapes among `texts` that are this workload's: it has all their axes.
pub fn shapes_of(workload: &'static dyn Workload, texts: &[String]) -> Result<Vec<Shape>> {
    let mut shapes = Vec::new();
    for text in texts {
        if Shape::fits(workload.axes(), text)? {
            shapes.push(parse_shape(workload, text)?);
        }
    }
    Ok(shapes)
}

/// Refuses shapes that are none of these workloads', and says which axes there are.
pub fn check_shapes(workloads: &[&'static dyn Workload], texts: &[String]) -> Result<()> {
    for text in texts {
        let fits = |w: &&'static dyn Workload| Shape::fits(w.axes(), text);
        if workloads.iter().map(fits).collect::<Result<Vec<bool>>>()?.contains(&true) {
            continue;
        }
        for workload in workloads {
            if workloads.len() == 1 || Shape::names_axes(workload.axes(), text)? {
                workload.shape(text)?;
            }
        }
        let mut known: Vec<String> = Vec::new();
        for workload in workloads.iter().filter(|w| !w.axes().is_empty()) {
            let names: Vec<&str> = workload.axes().iter().map(|a| a.name).collect();
            let axes = names.join(" ");
            if !known.iter().any(|k| k.ends_with(&format!(" has {axes}"))) {
                known.push(format!("{} has {axes}", workload.name()));
            }
        }
        return Err(Error::usage(format!(
            "shape '{text}' names axes that no workload has together; {}",
            known.join("; ")
        )));
    }
    Ok(())
}

/// Reads a shape and refuses one whose operands can't be counted in 64 bits, let alone stored.
pub fn parse_shape(workload: &'static dyn Workload, text: &str) -> Result<Shape> {
    let shape = workload.shape(text)?;
    check_shape(workload, &shape)?;
    Ok(shape)
}

/// Refuses a shape whose operands can't be counted in 64 bits, let alone stored, or whose axes don't fit each other.
fn check_shape(workload: &'static dyn Workload, shape: &Shape) -> Result<()> {
    const MOST: u64 = 1 << 46;
    let short = || shape.short();
    let wrong = |what: String| Error::usage(format!("shape '{}': {what}", short()));
    workload.validate(shape).map_err(wrong)?;
    if workload.bytes_moved(shape, Dtype::F32) > MOST {
        let what = "is beyond any memory: its operands take more than 64 TiB";
        return Err(Error::usage(format!("shape '{}' {what}", short())));
    }
    Ok(())
}

/// Several shapes that differ in one axis, or in the joint axes together, are a sweep.
fn sweep_or_list(workload: &'static dyn Workload, mut shapes: Vec<Shape>) -> Vec<Entry> {
    let mut seen = HashSet::new();
    shapes.retain(|shape| seen.insert(shape.clone()));
    if let Some((axis, joint)) = sweep_axis(workload, &shapes) {
        shapes.sort_by_key(|s| s.get(joint[0]));
        let point = |s: Shape| {
            let value = s.get(joint[0]);
            Entry::point(s, axis, value)
        };
        return shapes.into_iter().map(point).collect();
    }
    shapes.into_iter().map(|s| Entry::line(s, "", String::new())).collect()
}

fn sweep_axis(
    workload: &'static dyn Workload,
    shapes: &[Shape],
) -> Option<(&'static str, Vec<&'static str>)> {
    let first = shapes.first()?;
    let differing: Vec<&'static str> = workload
        .axes()
        .iter()
        .map(|a| a.name)
        .filter(|name| shapes.iter().any(|s| s.get(name) != first.get(name)))
        .collect();
    if let [axis] = differing[..] {
        let is_switch = workload.axis(axis).is_some_and(Axis::is_switch);
        return (!is_switch).then(|| (axis, vec![axis]));
    }
    let (name, joint) = workload.joint_axes().iter().find(|(_, joint)| differing == *joint)?;
    let equal = |s: &Shape| joint.iter().all(|a| s.get(a) == s.get(joint[0]));
    shapes.iter().all(equal).then(|| (*name, joint.to_vec()))
}

fn add_entries(
    cases: &mut Vec<Case>,
    workload: &'static dyn Workload,
    (dtype, cache): (Dtype, Cache),
    entries: &[Entry],
    has_budget: bool,
) {
    for entry in entries {
        let rows = vec![plan_row(workload, dtype, entry)];
        let skip = entry.needs_budget.filter(|_| !has_budget).map(str::to_string);
        let case = Case { workload, shape: entry.shape.clone(), dtype, cache, rows, skip };
        // A list may have a line twice.
        match cases.iter_mut().find(|c| c.is_same(&case)) {
            Some(known) => known.rows.extend(case.rows),
            None => cases.push(case),
        }
    }
}

/// A point that a sweep gains while it runs, with the same axis as `like`. None where that is no shape of
/// the workload.
pub fn extra_point(like: &Case, axis: &str, value: u64) -> Option<Case> {
    let shape = like.workload.moved(&like.shape, axis, value)?;
    like.workload.validate(&shape).ok()?;
    let template = like.rows.iter().find(|r| r.axis == axis)?;
    let row = PlanRow { shape: shape.to_string(), axis_value: Some(value), ..template.clone() };
    Some(Case { shape, rows: vec![row], skip: None, ..like.clone() })
}

/// Names of a benchmark for criterion, whose folder names hold 64 bytes of each.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BenchId {
    /// The shape without axes at their default, equal pairs joined.
    pub function: String,
    /// Device, implementation, scope, and dtype and state of the caches where they are not the usual.
    pub value: String,
}

/// The names of one benchmark of a case; the group is the workload.
pub fn bench_id(case: &Case, device: &DeviceId, implementation: &str, scope: Scope) -> BenchId {
    let shape = case.shape.to_string();
    let (workload, dtype, cache) = (case.workload.name(), case.dtype, case.cache);
    let row = RowKey {
        case: CaseKey { workload, shape: &shape, dtype, cache },
        scope,
        device,
        implementation,
    };
    BenchId { function: joined_pairs(&case.shape.short()), value: row.words() }
}

/// `stride_h=2,stride_w=2` as `stride=2`.
fn joined_pairs(shape: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    for part in shape.split(',') {
        let pair = part.split_once("_w=");
        match (parts.last_mut(), pair) {
            (Some(last), Some((name, value))) if *last == format!("{name}_h={value}") => {
                *last = format!("{name}={value}");
            }
            _ => parts.push(part.to_string()),
        }
    }
    parts.join(",")
}

fn plan_row(workload: &'static dyn Workload, dtype: Dtype, entry: &Entry) -> PlanRow {
    PlanRow {
        workload: workload.name().to_string(),
        shape: entry.shape.to_string(),
        dtype,
        axis: entry.point.as_ref().map_or(String::new(), |(axis, _)| axis.to_string()),
        axis_value: entry.point.as_ref().map(|(_, value)| *value),
        list: entry.list.to_string(),
        layer: entry.layer.clone(),
        repeat: entry.repeat,
    }
}

#[cfg(test)]
mod tests;
