//! The optimisers: one pass over all parameters w, with their gradients g and the optimiser's state.

use super::arena::Arena;
use super::tensors::Tensors;
use crate::backend::cpu::share::Each;
use crate::network::{Adam, Optimizer, Sgd};

/// Most parameters of a task.
const CHUNK: usize = 1 << 14;

/// Updates every parameter. `step` counts from 1.
pub fn update(t: &mut Tensors<'_>, step: u64) {
    let chunks: Vec<(usize, usize)> = chunks(&t.parameters).collect();
    let (isa, optimizer) = (t.isa, t.graph.optimizer);
    let weights = Each::new(t.parameters.memory_mut());
    let gradients = Each::new(t.gradients.memory_mut());
    let state: Vec<Each<'_, f32>> =
        t.state.iter_mut().map(|arena| Each::new(arena.memory_mut())).collect();
    t.pool.each(chunks.len(), |task| {
        let (start, len) = chunks[task];
        // SAFETY: arenas of the same tensors have the same places, and a task has its own.
        let (w, g, mut s) = unsafe {
            let state = state.iter().map(|state| state.part(start, len));
            (weights.part(start, len), gradients.part(start, len), state.collect::<Vec<_>>())
        };
        isa.vectorise(|| match (optimizer, &mut s[..]) {
            (Optimizer::Sgd(sgd), [v]) => step_sgd(sgd, w, g, v),
            (Optimizer::Adam(adam), [m, v]) => step_adam(adam, step, w, g, (m, v)),
            _ => unreachable!("an optimiser has the state that it asked for"),
        });
    });
}

/// Start and length of every task's parameters in the arena, each of one tensor alone.
fn chunks(arena: &Arena) -> impl Iterator<Item = (usize, usize)> {
    arena.places().iter().flat_map(|(start, len)| {
        (0..*len).step_by(CHUNK).map(move |at| (start + at, CHUNK.min(len - at)))
    })
}

/// With momentum: v = momentum v + g, w -= lr v.
#[inline(always)]
fn step_sgd(sgd: Sgd, w: &mut [f32], g: &[f32], v: &mut [f32]) {
    let (lr, momentum) = (sgd.lr as f32, sgd.momentum as f32);
    for ((w, g), v) in w.iter_mut().zip(g).zip(v) {
        *v = momentum * *v + g;
        *w -= lr * *v;
    }
}

/// By Kingma and Ba (Adam, 2015, algorithm 1); corrections[i] is 1 - beta_i^step:
///
/// ```text
/// m = beta1 m + (1 - beta1) g      v = beta2 v + (1 - beta2) g^2
/// w -= lr (m / corrections[0]) / (sqrt(v / corrections[1]) + eps)
/// ```
#[inline(always)]
fn step_adam(adam: Adam, step: u64, w: &mut [f32], g: &[f32], (m, v): (&mut [f32], &mut [f32])) {
    let corrections = adam.corrections(step);
    let (lr, eps) = ((adam.lr / corrections[0]) as f32, adam.eps as f32);
    let inv_correction = (1.0 / corrections[1]) as f32;
    let beta = [adam.beta1, adam.beta2].map(|beta| beta as f32);
    let one_minus_beta = [adam.beta1, adam.beta2].map(|beta| (1.0 - beta) as f32);
    for (((w, g), m), v) in w.iter_mut().zip(g).zip(m).zip(v) {
        *m = beta[0] * *m + one_minus_beta[0] * g;
        *v = beta[1] * *v + one_minus_beta[1] * g * g;
        *w -= lr * *m / ((inv_correction * *v).sqrt() + eps);
    }
}
