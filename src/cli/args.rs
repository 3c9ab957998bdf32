//! The arguments of every verb.

use std::borrow::Cow;
use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand};

use crate::backend::registry;
use crate::compare::THRESHOLD;
use crate::config;
use crate::error::{self, Error, Result};
use crate::machine;
use crate::plan::Selection;
use crate::record;
use crate::terms::{Cache, Dtype, Scope};
use crate::workload::Host;

/// Measures from which model size on a GPU beats the CPU, by how much, and why.
#[derive(Parser)]
#[command(name = "crossover", version, disable_help_subcommand = true)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub verb: Option<Verb>,
}

/// What to do.
#[derive(Subcommand)]
pub enum Verb {
    /// List every device and its facts
    Devices(DevicesArgs),
    /// Build, run and check a kernel on each device, and say what is missing
    Doctor,
    /// Measure
    Run(Box<RunArgs>),
    /// Draw the charts and the report of a run again from its CSV files
    Report(ReportArgs),
    /// Print the times of a run as JSON that continuous benchmarking reads, or its thresholds for programs
    Export(ExportArgs),
    /// Let two programs of yours race over one axis, one on the CPU and one on a GPU
    Race(RaceArgs),
    /// Search the kernels' parameters where they can be tuned, and keep the best for later runs
    Tune(TuneArgs),
    /// Set runs against the first of them; a regression is exit code 1
    Compare(CompareArgs),
    /// Check every workload and implementation at awkward shapes
    Verify(VerifyArgs),
    /// Train a network for some steps on made-up data, and print losses and norms
    Train(TrainArgs),
    /// Print completions for a shell: bash, elvish, fish, powershell, zsh
    Completions(CompletionsArgs),
    /// Print the man page, or that of a verb
    Man(ManArgs),
}

/// `devices`.
#[derive(Args)]
pub struct DevicesArgs {
    /// A program that speaks the contender protocol, besides those of crossover.toml; repeatable
    #[arg(long, value_name = "CMD")]
    pub contender: Vec<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `report`.
#[derive(Args)]
pub struct ReportArgs {
    /// Folder of a run
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Extrapolate epochs of a data set of this size, instead of CIFAR-10's and ImageNet's; repeatable
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub epoch_samples: Vec<u64>,
    /// Show faintly what DeepBench published of these processors (V100, P100, 'KNL 7250', ..) at its shapes
    #[arg(long, value_name = "P,..", value_delimiter = ',')]
    pub published: Vec<String>,
    /// Draw the charts as PNG too (a build with `--features png`)
    #[arg(long)]
    pub png: bool,
    /// Print one JSON object a row of summary.csv, in place of what was written
    #[arg(long)]
    pub json: bool,
}

/// `export`.
#[derive(Args)]
#[command(group = ArgGroup::new("format").required(true).args(["bmf", "github", "dispatch"]))]
pub struct ExportArgs {
    /// Folder of a run
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Bencher Metric Format, for 'bencher run --adapter json'
    #[arg(long)]
    pub bmf: bool,
    /// For benchmark-action/github-action-benchmark, tool customSmallerIsBetter
    #[arg(long)]
    pub github: bool,
    /// When to prefer which device, for programs: json, toml, rust or c
    #[arg(long, value_name = "FORMAT")]
    pub dispatch: Option<String>,
}

/// `race`.
#[derive(Args)]
pub struct RaceArgs {
    /// What grows, and between which sizes, doubling: n=1k..10M (k, M and G are powers of 1000)
    #[arg(long, value_name = "A=LOW..HIGH")]
    pub axis: String,
    /// The program on the CPU, with {n} where the size belongs: './mine --cpu {n}'. Timed as a whole process, or by
    /// itself where it prints 'crossover: seconds=0.0123'
    #[arg(long, value_name = "CMD")]
    pub cpu: String,
    /// The program on the GPU
    #[arg(long, value_name = "CMD")]
    pub gpu: String,
    /// How outputs are compared: exact, rel:1e-5 (numbers in them may differ by so much) or none
    #[arg(long, value_name = "HOW", default_value = "exact")]
    pub check: String,
    /// Seconds for the whole race: no size is begun after them
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    pub budget: Option<f64>,
    /// Seconds that a run may take
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0, allow_negative_numbers = true)]
    pub timeout: f64,
    /// Name of the run, instead of the host's
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Folder of the run, new or empty
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Draw the charts as PNG too (a build with `--features png`)
    #[arg(long)]
    pub png: bool,
}

/// `tune`.
#[derive(Args)]
pub struct TuneArgs {
    #[arg(long, value_name = "D,..", value_delimiter = ',', help = devices_help())]
    pub device: Vec<String>,
    /// Workloads
    #[arg(long, value_name = "W,..", value_delimiter = ',')]
    pub workload: Vec<String>,
    /// Seconds for each device
    #[arg(long, value_name = "SECONDS", default_value_t = 600.0, allow_negative_numbers = true)]
    pub budget: f64,
    /// Seed of the data and of the search
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Name of the run, instead of the host's
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Folder of the run, new or empty
    #[arg(long, value_name = "DIR", conflicts_with = "name")]
    pub out: Option<PathBuf>,
}

/// `compare`.
#[derive(Args)]
pub struct CompareArgs {
    /// Folders of runs; all others are compared with the first. What --repeat made, or one program
    /// measured into NAME-r1, NAME-r2, .., is one run of several processes
    #[arg(value_name = "DIR", required = true)]
    pub folders: Vec<PathBuf>,
    /// Slower by more than this is a regression
    #[arg(long, value_name = "PERCENT", default_value_t = 100.0 * THRESHOLD, allow_negative_numbers = true)]
    pub threshold: f64,
    /// What stands for a run at each point: the fastest row of each kind (and of what drives it), device or
    /// implementation
    #[arg(long, value_name = "WHAT", default_value = "kind")]
    pub by: String,
    /// Folder of the comparison, new or empty
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Draw the charts as PNG too (a build with `--features png`)
    #[arg(long)]
    pub png: bool,
    /// Print one JSON object a row
    #[arg(long)]
    pub json: bool,
}

/// `completions`.
#[derive(Args)]
pub struct CompletionsArgs {
    /// bash, elvish, fish, powershell or zsh
    #[arg(value_name = "SHELL")]
    pub shell: String,
}

/// `man`.
#[derive(Args)]
pub struct ManArgs {
    /// A verb
    #[arg(value_name = "VERB")]
    pub verb: Option<String>,
}

/// `verify`.
#[derive(Args)]
pub struct VerifyArgs {
    #[arg(long, value_name = "D,..", value_delimiter = ',', help = devices_help())]
    pub device: Vec<String>,
    /// Workloads
    #[arg(long, value_name = "W,..", value_delimiter = ',')]
    pub workload: Vec<String>,
    /// Implementations
    #[arg(long, value_name = "I,..", value_delimiter = ',')]
    pub implementation: Vec<String>,
    /// Shapes instead of the awkward ones
    #[arg(long, value_name = "A=N,..")]
    pub shape: Vec<String>,
    /// f32, f64, f16, bf16 (storage; sums in f32), instead of what is usual for the workload
    #[arg(long, value_name = "T,..", value_delimiter = ',')]
    pub dtype: Vec<String>,
    /// CPU threads
    #[arg(long, value_name = "N")]
    pub threads: Option<u32>,
    /// Seed of the data
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// A program that speaks the contender protocol, besides those of crossover.toml; repeatable
    #[arg(long, value_name = "CMD")]
    pub contender: Vec<String>,
    /// Print one JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// `train`.
#[derive(Args)]
pub struct TrainArgs {
    /// mlp, cnn, lstm or transformer
    #[arg(value_name = "NETWORK")]
    pub network: String,
    /// Its sizes, such as batch=32,inputs=784,width=128,depth=3,classes=10
    #[arg(long, value_name = "A=N,..")]
    pub shape: String,
    /// Seed of parameters and data
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Steps to take, each on a fresh mini-batch
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    pub steps: u64,
    /// A device: an id or part of one name; or reference, which trains in f64
    #[arg(long, value_name = "D", default_value = "cpu")]
    pub device: String,
    /// The implementation, instead of the device's usual one
    #[arg(long, value_name = "I")]
    pub implementation: Option<String>,
    /// CPU threads
    #[arg(long, value_name = "N")]
    pub threads: Option<u32>,
    /// Print JSON, in the form of golden trajectories
    #[arg(long)]
    pub json: bool,
}

/// `run`.
#[derive(Args)]
pub struct RunArgs {
    /// quick, standard, full, deepbench, blob, resnet50, vgg16 or unet
    #[arg(long, value_name = "NAME", default_value = "quick")]
    pub preset: String,
    /// Workloads
    #[arg(long, value_name = "W,..", value_delimiter = ',')]
    pub workload: Vec<String>,
    /// A shape instead of the preset's; several that differ in one axis are a sweep
    #[arg(long, value_name = "A=N,..")]
    pub shape: Vec<String>,
    #[arg(long, value_name = "D,..", value_delimiter = ',', help = devices_help())]
    pub device: Vec<String>,
    /// Implementations, or all
    #[arg(long, value_name = "I,..", value_delimiter = ',')]
    pub implementation: Vec<String>,
    /// compute, end_to_end
    #[arg(long, value_name = "S,..", value_delimiter = ',')]
    pub scope: Vec<String>,
    /// A family of shapes along which one number grows, doubling: m=n=64..4096,k=32 or k=n=64..2048,m=16k;
    /// repeatable, each has a crossover of its own
    #[arg(long, value_name = "A=LO..HI,..")]
    pub sweep: Vec<String>,
    /// Also upload once and download once for so many runs on the same data (8,64): scopes reused:N
    #[arg(long, value_name = "N,..", value_delimiter = ',')]
    pub reuse: Vec<String>,
    /// f32, f64, f16, bf16 (storage; sums in f32), instead of what is usual for the workload
    #[arg(long, value_name = "T,..", value_delimiter = ',')]
    pub dtype: Vec<String>,
    /// hot, cold (caches flushed before every sample)
    #[arg(long, value_name = "C,..", value_delimiter = ',')]
    pub cache: Vec<String>,
    /// CPU threads, for the CPU path and for CPU drivers; one a physical core unless given
    #[arg(long, value_name = "N")]
    pub threads: Option<u32>,
    /// Seconds for the whole run: cases are shortened evenly, then left out; what is left goes to answers that
    /// are open
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    pub budget: Option<f64>,
    /// Seed of the data and of the order of rounds
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// A program to measure besides, such as 'python3 contenders/pytorch.py'; repeatable. Those of
    /// crossover.toml are measured too
    #[arg(long, value_name = "CMD")]
    pub contender: Vec<String>,
    /// Take training steps apart: what each operation takes goes to breakdown.csv and a chart
    #[arg(long)]
    pub profile: bool,
    /// Measure everything twice and write noise.csv: the smallest difference that this machine shows
    #[arg(long)]
    pub noise_floor: bool,
    /// Measure in N processes, each with a folder of its own (-r1 to -rN), which compare pools
    #[arg(long, value_name = "N")]
    pub repeat: Option<u32>,
    /// The run that this process is a part of: --repeat sets it
    #[arg(long, value_name = "ID", hide = true)]
    pub group: Option<String>,
    /// Show what would be measured and how long it takes
    #[arg(long)]
    pub list: bool,
    /// Name of the run, instead of the host's
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Folder of the run, new or empty
    #[arg(long, value_name = "DIR", conflicts_with = "name")]
    pub out: Option<PathBuf>,
    /// Continue the run in this folder
    #[arg(long, value_name = "DIR", conflicts_with_all = ["out", "name", "shape", "sweep", "workload", "preset", "device", "implementation", "scope", "reuse", "dtype", "cache", "threads", "seed", "contender", "profile", "noise_floor", "repeat", "group"])]
    pub resume: Option<PathBuf>,
    /// Then go on with points whose verdict is ambiguous, until each is decided, a tie as far as this machine
    /// can tell, or the --budget of this is used up
    #[arg(long, requires = "resume", conflicts_with = "list")]
    pub until_decided: bool,
    /// Draw the charts as PNG too (a build with `--features png`)
    #[arg(long)]
    pub png: bool,
    /// Print one JSON object a row
    #[arg(long)]
    pub json: bool,
}

impl RunArgs {
    /// Refuses a budget that is none, and one that a run which goes on has already.
    pub fn check_budget(&self) -> Result<()> {
        if self.budget.is_some_and(|b| !(b.is_finite() && b > 0.0)) {
            return Err(Error::usage("--budget takes a number of seconds above 0"));
        }
        if self.budget.is_some() && self.resume.is_some() && !self.until_decided {
            return Err(Error::usage(
                "--budget: a run that goes on keeps its own budget; add --until-decided to go on \
                 with what is open for so many seconds",
            ));
        }
        Ok(())
    }

    /// As a selection.
    pub fn selection(&self) -> Result<Selection> {
        self.check_budget()?;
        let base = Selection::default();
        let mut scopes =
            words(&self.scope, "scope", &[Scope::Compute, Scope::EndToEnd], Scope::name)?;
        if scopes.is_empty() {
            scopes = base.scopes;
        }
        scopes.extend(uses(&self.reuse)?.into_iter().map(Scope::Reused));
        let caches =
            words(&self.cache, "cache state", &[Cache::Hot, Cache::Cold], |c| c.name().into())?;
        Ok(Selection {
            preset: self.preset.clone(),
            workloads: self.workload.clone(),
            shapes: self.shape.clone(),
            sweeps: self.sweep.clone(),
            devices: self.device.clone(),
            implementations: self.implementation.clone(),
            scopes,
            dtypes: dtypes(&self.dtype)?,
            caches: if caches.is_empty() { base.caches } else { caches },
            threads: self.threads,
            budget: self.budget,
            seed: self.seed,
            host: Host {
                last_level_cache_bytes: machine::last_cache_bytes(),
                free_memory_bytes: machine::free_memory_bytes().unwrap_or(0),
            },
            contenders: config::contenders(&self.contender)?,
            profile: self.profile,
            noise_floor: self.noise_floor,
        })
    }
}

/// How often data are used between one upload and one download.
fn uses(given: &[String]) -> Result<Vec<NonZeroU32>> {
    let number = |word: &String| {
        word.parse().map_err(|_| {
            Error::usage(format!(
                "--reuse {word}: takes whole numbers of runs from 1 on, as in 8,64"
            ))
        })
    };
    Ok(record::distinct(given.iter().map(number).collect::<Result<Vec<NonZeroU32>>>()?))
}

/// Dtypes by their words.
pub fn dtypes(given: &[String]) -> Result<Vec<Dtype>> {
    words(given, "dtype", &Dtype::ALL, |dtype| dtype.name().into())
}

/// What may stand for devices.
fn devices_help() -> String {
    let words: Vec<&str> = registry::words().collect();
    format!("Devices: ids, {}, or part of one name", words.join(", "))
}

/// Turns words into values; an unknown one is an error that lists them all.
fn words<T: Copy + PartialEq>(
    given: &[String],
    what: &str,
    all: &[T],
    name: impl Fn(T) -> Cow<'static, str>,
) -> Result<Vec<T>> {
    let named: Vec<(Cow<'_, str>, T)> = all.iter().map(|value| (name(*value), *value)).collect();
    let value = |word| error::named(what, word, &named, |(name, _)| name).map(|(_, value)| *value);
    Ok(record::distinct(given.iter().map(|word| value(word)).collect::<Result<Vec<T>>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn help_names_every_backend() {
        for verb in ["run", "verify", "tune"] {
            let mut command = Arguments::command();
            let help = command.find_subcommand_mut(verb).unwrap().render_help().to_string();
            for word in registry::words() {
                assert!(help.contains(&format!(" {word},")), "{verb} {word}: {help}");
            }
        }
    }
}
