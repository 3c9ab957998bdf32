//! `packed` convolutions, for CPU devices: a work-group is one work-item, which owns a block of the
//! result. Twin of `kernels/conv/packed*.cl`.

use super::super::recipe::{Argument, Launch, Recipe, Step};
use super::super::target::Target;
use super::super::tuned::{Chooser, Parameters, shapes};
use super::pass_of;
use crate::backend::Task;
use crate::error::{Error, Result};
use crate::terms::Conv;
use crate::workload::Pass;

/// The programs to data and to filters.
const DATA: &str = "conv/packed";
const FILTERS: &str = "conv/packed_wgrad";

/// Most floats of the shares that are added up at the end.
const MOST_SCRATCH: usize = 4 << 20;

/// The device as the plans see it.
#[derive(Clone, Copy, Debug)]
struct Machine {
    /// Bytes of local memory, which is cache.
    local_memory: usize,
    threads: usize,
}

/// A launch with the options it is built for.
#[derive(Debug)]
struct Plan {
    parameters: Parameters,
    global: [usize; 3],
    local_bytes: u64,
}

/// A pass by packed panels.
pub fn packed(target: &Target, task: &Task<'_>) -> Result<Recipe> {
    let (conv, pass) = (Conv::of(task.shape), pass_of(task)?);
    if conv.x_len().max(conv.y_len()).max(conv.f_len()) >= 1 << 29 {
        return Err(Error::Unsupported("the kernels take tensors below 2^29 elements".into()));
    }
    let base = base(target.tuned.at(task.parameters), &conv, pass)?;
    let machine = Machine { local_memory: target.local_memory(), threads: target.units() };
    let (plan, splits) = match pass {
        Pass::Fprop | Pass::Dgrad => (data_plan(&conv, &base, machine, pass), 1),
        Pass::Wgrad => filters_plan(&conv, &base, machine),
    };
    let program = if pass == Pass::Wgrad { FILTERS } else { DATA };
    let sum = if splits == 1 { Argument::Output } else { Argument::Scratch(0) };
    let operands = [Argument::Input(0), Argument::Input(1), sum];
    let conv_step = Step {
        program,
        kernel: "conv",
        options: plan.parameters.options(),
        arguments: [&sizes(&conv)[..], &operands].concat(),
        launch: Launch { global: plan.global, local: [1, 1, 1] },
        local_bytes: plan.local_bytes,
    };
    let (mut steps, mut scratch) = (vec![conv_step], Vec::new());
    if splits > 1 {
        let len = conv.f_len();
        scratch.push(splits * len);
        let int = |size: usize| Argument::Int(size as i32);
        steps.push(Step {
            program,
            kernel: "sum",
            options: plan.parameters.options(),
            arguments: vec![int(len), int(splits), sum, Argument::Output],
            launch: Launch::of_groups((2 * machine.threads).min(len.div_ceil(1024)), 1),
            local_bytes: 0,
        });
    }
    let tile = (plan.parameters.get("MR"), 16 * plan.parameters.get("NV"));
    let tuned = Some(plan.parameters.tuning());
    Ok(Recipe { steps, scratch, tile, tuned, ..Recipe::default() })
}

/// The parameters of a pass; refused on classes that have no such kernels.
fn base(tuned: Chooser<'_>, conv: &Conv, pass: Pass) -> Result<Parameters> {
    let class = shapes::conv(pass, conv, false);
    let parameters = tuned.chosen("conv", "packed", &[pass.name()], &class);
    if parameters.get("NV") == 0 {
        return Err(Error::Unsupported("packed is for CPU devices".into()));
    }
    Ok(parameters)
}

/// Images of one row where neighbouring pixels of all rows see neighbouring elements.
fn flat(conv: &Conv) -> Conv {
    let point = conv.r * conv.s == 1 && conv.pad == [0, 0] && conv.stride == [1, 1];
    if point { Conv { h: 1, w: conv.h * conv.w, ..*conv } } else { *conv }
}

/// Sizes that a device's local memory allows: the packed panel takes half of it. They depend on
/// nothing else, so that few programs serve all shapes.
fn fitted(base: &Parameters, local_memory: usize, rows: usize) -> Parameters {
    let nr = 16 * base.get("NV");
    let mr = base.get("MR").min(rows);
    let floats = local_memory.min(1 << 20) / 8;
    let nc = base.get("NC").min(floats / 16 / nr * nr);
    let kc = base.get("KC").min(floats / (2 * nr) / 16 * 16).max(16);
    // Half of the rest, for the rows of A.
    let mc = base.get("MC").min(floats / 2 / (kc + 16)).max(mr) / mr * mr;
    base.with(&[("MR", mr), ("MC", mc), ("NC", nc), ("KC", kc), ("PANEL", floats)])
}

/// Columns of a work-item: as many as leave room for a step of the reduction.
fn block(parameters: &Parameters, columns: usize, depth: usize) -> usize {
    let get = |name| parameters.get(name);
    let nr = 16 * get("NV");
    let room = get("PANEL") / depth.clamp(16, get("KC")) / nr * nr;
    room.min(columns.next_multiple_of(nr)).clamp(nr, get("NC"))
}

fn data_plan(conv: &Conv, base: &Parameters, machine: Machine, pass: Pass) -> Plan {
    let (conv, dgrad) = (flat(conv), pass == Pass::Dgrad);
    let [stride_h, stride_w] = if dgrad { conv.stride } else { [1, 1] };
    let (rows, channels, high, wide) = if dgrad {
        (conv.group_c(), conv.group_k(), conv.h.div_ceil(stride_h), conv.w.div_ceil(stride_w))
    } else {
        (conv.group_k(), conv.group_c(), conv.p(), conv.q())
    };
    let point = conv.r * conv.s == 1 && conv.pad == [0, 0] && conv.stride == [1, 1];
    let parameters = fitted(base, machine.local_memory, rows).with(&[
        ("DGRAD", dgrad as usize),
        ("SW", if dgrad { 1 } else { fast_stride(conv.stride[1]) }),
        ("POINT", point as usize),
        ("TA", (dgrad && conv.r * conv.s == 1) as usize),
    ]);
    let get = |name| parameters.get(name);
    let pixels = conv.n * high * wide;
    let taps = conv.r.div_ceil(stride_h) * conv.s.div_ceil(stride_w);
    let gn = pixels.div_ceil(block(&parameters, pixels, channels * taps));
    let gm = (2 * machine.threads).div_ceil(gn * conv.groups).min(rows.div_ceil(4 * get("MR")));
    let tables = 4 * get("NC") + get("KC");
    let local_bytes = local_bytes(&parameters, tables);
    Plan { parameters, global: [stride_h * stride_w * gm, gn, conv.groups], local_bytes }
}

/// The plan and into how many shares the pixels are split.
fn filters_plan(conv: &Conv, base: &Parameters, machine: Machine) -> (Plan, usize) {
    const LEAST_PIXELS: usize = 1024;
    let conv = flat(conv);
    let point = conv.r * conv.s == 1 && conv.pad == [0, 0];
    let parameters = fitted(base, machine.local_memory, conv.group_k())
        .with(&[("SW", fast_stride(conv.stride[1])), ("POINT", point as usize)]);
    let get = |name| parameters.get(name);
    let columns = conv.group_c() * conv.r * conv.s;
    let pixels = conv.n * conv.p() * conv.q();
    let blocks = columns.div_ceil(block(&parameters, columns, pixels));
    let wanted = (2 * machine.threads).div_ceil(blocks * conv.groups);
    let most = (MOST_SCRATCH / conv.f_len()).max(1).min(pixels.div_ceil(LEAST_PIXELS));
    let splits = wanted.min(most);
    let panels = columns.div_ceil(16 * get("NV"));
    let gn = (blocks * wanted.div_ceil(splits)).min(panels);
    let tables = 3 * (get("NC") + get("KC"));
    let local_bytes = local_bytes(&parameters, tables);
    (Plan { parameters, global: [1, gn, conv.groups * splits], local_bytes }, splits)
}

/// Strides that the kernels have vectors for; others are known to the launch alone.
fn fast_stride(stride: usize) -> usize {
    if stride <= 2 { stride } else { 0 }
}

/// Local memory of a kernel with so many integers in its tables.
fn local_bytes(parameters: &Parameters, tables: usize) -> u64 {
    let get = |name| parameters.get(name);
    let tile = get("MR") * 16 * get("NV");
    4 * (get("PANEL") + get("MC") * (get("KC") + 16) + tile + tables) as u64
}

/// The sizes as the kernels take them.
fn sizes(conv: &Conv) -> [Argument; 14] {
    flat(conv).sizes().map(|size| Argument::Int(size as i32))
}

#[cfg(test)]
mod tests;
