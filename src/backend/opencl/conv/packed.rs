//! `packed` convolutions, for CPU devices: a work-group is one work-item, which owns a block of the
//! result. Twin of `kernels/conv/packed*.cl`.

use super::super::tuned::{Parameters, Tuned};
use super::super::{Argument, Launch, OpenClDevice, Recipe, Step};
use crate::backend::Task;
use crate::error::{Error, Result};
use crate::workload::Conv;

const DATA: (&str, &str) = (
    "conv/packed.cl",
    concat!(
        include_str!("../../../../kernels/conv/packed_tile.cl"),
        include_str!("../../../../kernels/conv/packed.cl")
    ),
);

const FILTERS: (&str, &str) = (
    "conv/packed_wgrad.cl",
    concat!(
        include_str!("../../../../kernels/conv/packed_tile.cl"),
        include_str!("../../../../kernels/conv/packed_wgrad.cl")
    ),
);

/// Most floats of the shares that are added up at the end.
const MOST_SCRATCH: usize = 4 << 20;

/// The device as the plans see it.
#[derive(Clone, Copy)]
struct Machine {
    /// Floats that a packed panel may take: half of the cache that the driver calls local memory.
    floats: usize,
    /// Bytes of local memory.
    local_memory: usize,
    threads: usize,
}

impl Machine {
    fn of(device: &OpenClDevice) -> Machine {
        let local_memory = device.entry.local_memory_bytes.unwrap_or(0) as usize;
        Machine {
            floats: local_memory.min(1 << 20) / 8,
            local_memory,
            threads: device.entry.compute_units.unwrap_or(1) as usize,
        }
    }
}

/// A launch with the options it is built for.
#[derive(Debug)]
struct Plan {
    parameters: Parameters,
    global: [usize; 3],
    local_bytes: u64,
}

/// Forward.
pub fn packed_fprop(device: &OpenClDevice, task: &Task<'_>) -> Result<Recipe> {
    to_data(device, task, false)
}

/// Backward to the data.
pub fn packed_dgrad(device: &OpenClDevice, task: &Task<'_>) -> Result<Recipe> {
    to_data(device, task, true)
}

fn to_data(device: &OpenClDevice, task: &Task<'_>, dgrad: bool) -> Result<Recipe> {
    let conv = conv_of(task)?;
    let base = base(&device.tuned, if dgrad { "dgrad" } else { "fprop" })?;
    let plan = data_plan(&conv, &base, Machine::of(device), dgrad);
    let operands = [Argument::Input(0), Argument::Input(1), Argument::Output];
    let step = step(DATA, &conv, &plan, &operands);
    Ok(recipe(device, &plan, vec![step], Vec::new()))
}

/// Backward to the filters.
pub fn packed_wgrad(device: &OpenClDevice, task: &Task<'_>) -> Result<Recipe> {
    let conv = conv_of(task)?;
    let base = base(&device.tuned, "wgrad")?;
    let machine = Machine::of(device);
    let (plan, splits) = filters_plan(&conv, &base, machine);
    let parts = if splits == 1 { Argument::Output } else { Argument::Scratch(0) };
    let mut steps =
        vec![step(FILTERS, &conv, &plan, &[Argument::Input(0), Argument::Input(1), parts])];
    if splits == 1 {
        return Ok(recipe(device, &plan, steps, Vec::new()));
    }
    let len = conv.f_len();
    steps.push(Step {
        kernel: "sum",
        arguments: vec![
            Argument::Int(len as i32),
            Argument::Int(splits as i32),
            Argument::Scratch(0),
            Argument::Output,
        ],
        launch: Launch {
            global: [(2 * machine.threads).min(len.div_ceil(1024)), 1, 1],
            local: [1, 1, 1],
        },
        local_bytes: 0,
        ..step(FILTERS, &conv, &plan, &[])
    });
    Ok(recipe(device, &plan, steps, vec![splits * len]))
}

/// The sizes of a task, if the kernels can index them.
fn conv_of(task: &Task<'_>) -> Result<Conv> {
    let conv = Conv::of(task.shape);
    if conv.x_len().max(conv.y_len()).max(conv.f_len()) >= 1 << 29 {
        return Err(Error::Unsupported("the kernels take tensors below 2^29 elements".into()));
    }
    Ok(conv)
}

/// The parameters of a pass; refused on classes that have no such kernels.
fn base(tuned: &Tuned, pass: &str) -> Result<Parameters> {
    let parameters = tuned.special("conv", "packed", pass);
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

/// NC and KC for `columns` columns and a reduction of `depth`, as the panel's room allows.
fn panel(base: &Parameters, columns: usize, depth: usize, floats: usize) -> (usize, usize) {
    const LEAST_KC: usize = 256;
    let nr = 16 * base.get("NV");
    let mut nc = base.get("NC").min(columns).next_multiple_of(nr);
    let mut kc = base.get("KC").min(depth).next_multiple_of(16);
    if nc * kc > floats {
        kc = kc.min((floats / nc).max(LEAST_KC)) / 16 * 16;
        nc = nc.min((floats / kc / nr).max(1) * nr);
        kc = kc.min((floats / nc).max(16)) / 16 * 16;
    }
    (nc, kc)
}

fn data_plan(conv: &Conv, base: &Parameters, machine: Machine, dgrad: bool) -> Plan {
    let shape = flat(conv);
    let [stride_h, stride_w] = shape.stride;
    let (rows, channels, phases, wide, high) = if dgrad {
        let (high, wide) = (shape.h.div_ceil(stride_h), shape.w.div_ceil(stride_w));
        (shape.group_c(), shape.group_k(), stride_h * stride_w, wide, high)
    } else {
        (shape.group_k(), shape.group_c(), 1, shape.q(), shape.p())
    };
    let point = shape.r * shape.s == 1 && shape.pad == [0, 0] && shape.stride == [1, 1];
    let taps = shape.r.div_ceil(if dgrad { stride_h } else { 1 })
        * shape.s.div_ceil(if dgrad { stride_w } else { 1 });
    let pixels = shape.n * high * wide;
    let mr = base.get("MR").min(rows);
    let nr = 16 * base.get("NV");
    let (nc, kc) = panel(base, pixels, channels * taps, machine.floats);
    let parameters = base.with(&[
        ("DGRAD", dgrad as usize),
        ("MR", mr),
        ("NC", nc),
        ("KC", kc),
        ("SW", if dgrad { 1 } else { stride_w }),
        ("POINT", point as usize),
        ("TA", (dgrad && shape.r * shape.s == 1) as usize),
    ]);
    let least = pixels.div_ceil(nc);
    let depth = conv.groups * phases;
    let gm = (4 * machine.threads).div_ceil(least * depth).min(rows.div_ceil(4 * mr));
    Plan {
        parameters,
        global: [gm, least, depth],
        local_bytes: 4 * (nc * kc + mr * (kc + 16) + mr * nr + 4 * nc) as u64,
    }
}

/// The plan and into how many shares the pixels are split.
fn filters_plan(conv: &Conv, base: &Parameters, machine: Machine) -> (Plan, usize) {
    const LEAST_PIXELS: usize = 1024;
    let shape = flat(conv);
    let columns = shape.group_c() * shape.r * shape.s;
    let pixels = shape.n * shape.p() * shape.q();
    let point = shape.r * shape.s == 1 && shape.pad == [0, 0];
    let mr = base.get("MR").min(shape.group_k());
    let nr = 16 * base.get("NV");
    let (nc, kc) = panel(base, columns, pixels, machine.floats);
    let blocks = columns.div_ceil(nc);
    let wanted = (4 * machine.threads).div_ceil(blocks * shape.groups);
    let most = (MOST_SCRATCH / conv.f_len()).max(1).min(pixels.div_ceil(LEAST_PIXELS));
    let splits = wanted.min(most);
    let gn = blocks * wanted.div_ceil(splits);
    let gn = gn.min(columns.div_ceil(nr)).max(blocks);
    let parameters = base.with(&[
        ("MR", mr),
        ("NC", nc),
        ("KC", kc),
        ("SW", shape.stride[1]),
        ("POINT", point as usize),
    ]);
    let plan = Plan {
        parameters,
        global: [1, gn, conv.groups * splits],
        local_bytes: 4 * (nc * kc + mr * (kc + 16) + mr * nr + 3 * (nc + kc)) as u64,
    };
    (plan, splits)
}

fn step(
    (file, source): (&'static str, &'static str),
    conv: &Conv,
    plan: &Plan,
    operands: &[Argument],
) -> Step {
    let conv = flat(conv);
    let sizes = [
        conv.n,
        conv.c,
        conv.h,
        conv.w,
        conv.k,
        conv.r,
        conv.s,
        conv.stride[0],
        conv.stride[1],
        conv.pad[0],
        conv.pad[1],
        conv.dilation[0],
        conv.dilation[1],
        conv.groups,
    ];
    let sizes = sizes.map(|size| Argument::Int(size as i32));
    Step {
        file,
        source,
        kernel: "conv",
        options: plan.parameters.options(),
        arguments: [&sizes[..], operands].concat(),
        launch: Launch { global: plan.global, local: [1, 1, 1] },
        group_size: 1,
        local_bytes: plan.local_bytes,
    }
}

fn recipe(device: &OpenClDevice, plan: &Plan, steps: Vec<Step>, scratch: Vec<usize>) -> Recipe {
    let (mr, nr) = (plan.parameters.get("MR"), 16 * plan.parameters.get("NV"));
    Recipe { steps, scratch, tile: (mr, nr), tuned: device.tuned.origin(), work: None }
}
