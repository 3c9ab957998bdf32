//! `crossover train`: a network for some steps, with what comes out of each.

use super::args::TrainArgs;
use super::golden::can_train;
use super::{End, check_memory, start};
use crate::backend::{Device, Devices, Request, trainer};
use crate::config;
use crate::error::{Error, Result};
use crate::network::reference::Reference;
use crate::network::{self, Network, Trainer, Trajectories, Trajectory};
use crate::plan;
use crate::terms::Dtype;
use crate::workload;

/// The word for the network in f64.
const REFERENCE: &str = "reference";

/// Trains and prints losses and norms, or JSON.
pub fn train(args: &TrainArgs) -> Result<End> {
    let network = network::find(args.network.strip_prefix("train-").unwrap_or(&args.network))?;
    let workload = workload::of_network(&network)?;
    let shape = plan::parse_shape(workload, &args.shape)?;
    check_memory(workload, &shape)?;
    let steps = |trainer: &mut dyn Trainer| {
        let mut told = Told { trainer, step: 0, is_quiet: args.json };
        Trajectory::of(&network, &shape, args.seed, args.steps, &mut told)
    };
    let trajectory = if args.device == REFERENCE {
        if let Some(implementation) = &args.implementation {
            return Err(Error::usage(format!(
                "--implementation {implementation}: the reference is one; leave it out"
            )));
        }
        steps(&mut Reference::seeded((network.graph)(&shape), args.seed))?
    } else {
        let names = [args.device.clone()];
        let contenders = config::contenders(&[])?;
        let (_, devices) = start(&Request {
            threads: args.threads,
            names: &names,
            contenders: &contenders,
            strict: true,
        })?;
        let device = only(&devices, &args.device)?;
        let implementation = implementation(device, &network, args.implementation.as_deref())?;
        let mut trainer = trainer(device, &implementation, &network, &shape, args.seed)
            .map_err(|error| refused(device, error))?;
        steps(&mut trainer).map_err(|error| refused(device, error))?
    };
    if args.json {
        let all = Trajectories { cases: vec![trajectory] };
        out!("{}", serde_json::to_string(&all).expect("plain data is JSON"));
    } else {
        norms(&trajectory, &(network.graph)(&shape));
    }
    Ok(End::Well)
}

/// The one device that a name means.
fn only<'d>(devices: &'d Devices, name: &str) -> Result<&'d dyn Device> {
    match &devices.all[..] {
        [device] if !can_train(device.as_ref()) => Err(Error::usage(format!(
            "device '{name}' does not train step by step; 'crossover verify' checks its steps"
        ))),
        [device] => Ok(device.as_ref()),
        several => {
            let ids: Vec<&str> = several.iter().map(|d| d.entry().id.as_str()).collect();
            Err(Error::usage(format!("device '{name}' fits {}; name one", ids.join(" and "))))
        }
    }
}

fn implementation(device: &dyn Device, network: &Network, wanted: Option<&str>) -> Result<String> {
    let workload = workload::of_network(network)?;
    let id = &device.entry().id;
    let there = device.implementations(workload, Dtype::F32);
    let usual = || device.defaults(workload, Dtype::F32).first().cloned();
    match wanted {
        _ if there.is_empty() => Err(Error::usage(format!(
            "device '{id}' does not train {}; 'reference' does",
            network.name
        ))),
        None => Ok(usual().unwrap_or_else(|| there[0].to_string())),
        Some(name) if there.contains(&name) => Ok(name.to_string()),
        Some(name) => Err(Error::usage(format!(
            "device '{id}' has no implementation '{name}' of {}; there is {}",
            workload.name(),
            there.join(", ")
        ))),
    }
}

/// A shape that an implementation does not serve is a mistake of who asked for it.
fn refused(device: &dyn Device, error: Error) -> Error {
    match error {
        Error::Unsupported(reason) | Error::Skipped(reason) => {
            Error::usage(format!("device '{}': {reason}", device.entry().id))
        }
        other => other,
    }
}

/// Prints the loss of each step when it is known.
struct Told<'a> {
    trainer: &'a mut dyn Trainer,
    step: u64,
    is_quiet: bool,
}

impl Trainer for Told<'_> {
    fn feed(&mut self, batch: &[f32], labels: &[f32]) -> Result<()> {
        self.trainer.feed(batch, labels)
    }

    fn step(&mut self) -> Result<()> {
        self.trainer.step()
    }

    fn loss(&mut self) -> Result<f64> {
        let loss = self.trainer.loss()?;
        if !self.is_quiet {
            out!("step {:>4}  loss {loss:.9}", self.step);
        }
        self.step += 1;
        Ok(loss)
    }

    fn gradients(&mut self) -> Result<Vec<Vec<f64>>> {
        self.trainer.gradients()
    }

    fn parameters(&mut self) -> Result<Vec<Vec<f64>>> {
        self.trainer.parameters()
    }
}

/// Norms in declaration order.
fn norms(trajectory: &Trajectory, graph: &network::Graph) {
    let width = graph.parameters.iter().map(|p| p.name.len()).max().unwrap_or(0);
    let title = "parameter";
    out!("{title:<width$}  {:>16}  {:>16}", "gradient, step 0", "norm after");
    for parameter in &graph.parameters {
        let name = &parameter.name;
        let gradient = trajectory.gradient_l2_step0.get(name).copied().unwrap_or(f64::NAN);
        let after = trajectory.parameters_after.get(name).map_or(f64::NAN, |p| p.l2);
        out!("{name:<width$}  {gradient:>16.9}  {after:>16.9}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is printed as JSON is what golden runs are stored as.
    #[test]
    fn the_reference_prints_a_golden_run() {
        let golden = &network::golden()[0];
        let (network, shape) = golden.setting().unwrap();
        let mut reference = Reference::seeded((network.graph)(&shape), golden.seed);
        let steps = golden.losses.len() as u64;
        let found = Trajectory::of(&network, &shape, golden.seed, steps, &mut reference).unwrap();
        let text = serde_json::to_string(&Trajectories { cases: vec![found] }).unwrap();
        let back: Trajectories = serde_json::from_str(&text).unwrap();
        let (worst, what) = back.cases[0].distance(golden, network::Tolerance::exact(1e-10));
        assert!(worst <= 1.0, "{what}: {worst}");
    }
}
