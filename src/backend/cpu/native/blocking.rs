//! Loops.
use std::cell::RefCell;

use super::Pool;
use super::kernel::{Kernel, Tile};
use super::pack::Scratch;

/// The product.
#[derive(Clone, Copy)]
pub(super) struct Product {
    pub m: usize,
    pub n: usize,
    pub k: usize,
    pub ta: bool,
    pub tb: bool,
}

#[derive(Clone, Copy)]
struct Pointers {
    a: *const f32,
    b: *const f32,
    c: *mut f32,
}
// SAFETY: tbd
unsafe impl Sync for Pointers {}

thread_local! {
    static SCRATCH: RefCell<Scratch> = const { RefCell::new(Scratch::new()) };
}

/// tune
pub static TUNE: std::sync::Mutex<Vec<(String, usize)>> = std::sync::Mutex::new(Vec::new());
fn env(name: &str, default: usize) -> usize {
    TUNE.lock().expect("l").iter().find(|x| x.0 == name).map(|x| x.1).unwrap_or(default)
}

pub(super) struct Plan { pub nc: usize, pub kc: usize, pub rows: usize, pub columns: usize, pub mc: usize }

pub(super) fn plan<K: Kernel>(p: &Product, threads: usize) -> Plan {
    let nr = K::NR;
    let least_kc = env("LKC", 256);
    let mut nc = env("NC", 256).min(p.n.next_multiple_of(nr));
    while nc > nr && nc * least_kc > env("PB", K::PACKED_B) {
        nc -= nr;
    }
    let kc = env("KC", 512).min(env("PB", K::PACKED_B) / nc).min(p.k).max(1);
    let kc = p.k.div_ceil(p.k.div_ceil(kc));
    let tasks = env("TPT", 2);
    let least = p.n.div_ceil(nc);
    let rows = (tasks * threads).div_ceil(least).min(p.m.div_ceil(64)).max(p.m.div_ceil(1024));
    let panels = p.n.div_ceil(nr);
    let most = panels.min(2 * least + threads).max(least);
    let longest = |columns: &usize| {
        let share = panels.div_ceil(*columns);
        (rows * panels.div_ceil(share)).div_ceil(threads) * share
    };
    let columns = (least..=most).min_by_key(longest).unwrap_or(least);
    Plan { nc, kc, rows: env("ROWS", rows), columns: env("COLS", columns), mc: env("MC", 192) }
}

pub(super) fn multiply<K: Kernel>(pool: &Pool, p: Product, a: &[f32], b: &[f32], c: &mut [f32]) {
    let plan = plan::<K>(&p, pool.threads());
    if std::env::var("SHOW").is_ok() {
        eprintln!("nc {} kc {} rows {} columns {}", plan.nc, plan.kc, plan.rows, plan.columns);
    }
    let x = Pointers { a: a.as_ptr(), b: b.as_ptr(), c: c.as_mut_ptr() };
    pool.each(plan.rows * plan.columns, |task| {
        let x = &x;
        let i = share(p.m, K::MR, plan.rows, task / plan.columns);
        let j = share(p.n, K::NR, plan.columns, task % plan.columns);
        if i.0 < i.1 && j.0 < j.1 {
            SCRATCH.with_borrow_mut(|s| {
                // SAFETY: tbd
                unsafe { block::<K>(&p, &plan, *x, i, j, s) }
            });
        }
    });
}

fn share(length: usize, unit: usize, parts: usize, index: usize) -> (usize, usize) {
    let units = length.div_ceil(unit);
    let edge = |i: usize| (units * i / parts * unit).min(length);
    (edge(index), edge(index + 1))
}

unsafe fn block<K: Kernel>(
    p: &Product,
    plan: &Plan,
    x: Pointers,
    (i0, i1): (usize, usize),
    (j0, j1): (usize, usize),
    scratch: &mut Scratch,
) {
    let (mr, nr) = (K::MR, K::NR);
    let panels = (j1 - j0).div_ceil(nr);
    let (pb, pa) = scratch.get(panels * nr * plan.kc, plan.mc * (plan.kc + 16));
    let columns = |q: usize| (j1 - j0 - q * nr).min(nr);
    for p0 in (0..p.k).step_by(plan.kc) {
        let kc = (p.k - p0).min(plan.kc);
        // SAFETY: tbd
        unsafe {
            if p.tb {
                for q in 0..panels {
                    let from = x.b.add((j0 + q * nr) * p.k + p0);
                    K::pack_transposed(from, p.k, kc, columns(q), pb.add(q * nr * kc));
                }
            }
            for c0 in (i0..i1).step_by(plan.mc) {
                let c1 = (c0 + plan.mc).min(i1);
                let (a, a_row, a_column, a_panel) = if p.ta {
                    K::pack_a(x.a.add(p0 * p.m + c0), p.m, kc, c1 - c0, pa, x.a.add(p.m * p.k));
                    (pa.cast_const(), 1, mr, mr * kc + 16)
                } else {
                    (x.a.add(c0 * p.k + p0), p.k, 1, mr * p.k)
                };
                for i in (c0..c1).step_by(mr) {
                    let first = !p.tb && i == i0;
                    let a = a.add((i - c0) / mr * a_panel);
                    let portion = mr.div_ceil(panels);
                    for q in 0..panels {
                        let next_rows =
                            if p.ta || env("NOPF", 0) == 1 { 0 } else { portion.min(mr - (q * portion).min(mr)) };
                        let next = a.wrapping_add(mr * p.k + q * portion * p.k);
                        let packed = pb.add(q * nr * kc);
                        let tile = Tile {
                            k: kc,
                            a,
                            a_row,
                            a_column,
                            b: if first { x.b.add(p0 * p.n + j0 + q * nr) } else { packed },
                            b_row: if first { p.n } else { nr },
                            pack: if first { packed } else { std::ptr::null_mut() },
                            c: x.c.add(i * p.n + j0 + q * nr),
                            c_row: p.n,
                            columns: columns(q),
                            add: p0 > 0, next, next_rows,
                        };
                        K::multiply((c1 - i).min(mr), &tile);
                    }
                }
            }
        }
    }
}
