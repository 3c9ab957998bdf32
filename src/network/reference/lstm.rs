//! The LSTM and its loop over time.

use super::Reference;
use super::matrix::{View, multiply};
use crate::network::layer::Lstm;

impl Reference {
    pub(super) fn lstm_forward(&mut self, layer: usize, l: &Lstm) {
        let (h, step) = (l.hidden, l.batch * l.hidden);
        let (before, after) = self.values.split_at_mut(l.y);
        let (x, y) = (&before[l.x], &mut after[0]);
        let p = &self.parameters;
        let mut gates = vec![0.0; 4 * l.seq * step];
        for row in gates.chunks_exact_mut(4 * h) {
            let biases = p[l.bias_ih].iter().zip(&p[l.bias_hh]);
            row.iter_mut().zip(biases).for_each(|(z, (a, b))| *z = a + b);
        }
        let sizes = [l.seq * l.batch, 4 * h, h];
        let weight = View::transposed(&p[l.weight_ih], h);
        multiply(sizes, View::rows(x, h), weight, &mut gates, 4 * h, true);
        let (mut cells, mut hiddens) = (vec![0.0; l.seq * step], vec![0.0; l.seq * step]);
        for t in 0..l.seq {
            let z = &mut gates[4 * t * step..][..4 * step];
            if t > 0 {
                let last = View::rows(&hiddens[(t - 1) * step..][..step], h);
                let weight = View::transposed(&p[l.weight_hh], h);
                multiply([l.batch, 4 * h, h], last, weight, z, 4 * h, true);
            }
            for (row, z) in z.chunks_exact_mut(4 * h).enumerate() {
                for j in 0..h {
                    let at = t * step + row * h + j;
                    let before = if t > 0 { cells[at - step] } else { 0.0 };
                    let [i, f, o] = [0, 1, 3].map(|gate| sigmoid(z[gate * h + j]));
                    let g = z[2 * h + j].tanh();
                    cells[at] = f * before + i * g;
                    hiddens[at] = o * cells[at].tanh();
                    [z[j], z[h + j], z[2 * h + j], z[3 * h + j]] = [i, f, g, o];
                }
            }
        }
        y.copy_from_slice(&hiddens[(l.seq - 1) * step..]);
        let saved = &mut self.saved[layer];
        (saved.first, saved.second, saved.third) = (gates, cells, hiddens);
    }

    pub(super) fn lstm_backward(&mut self, layer: usize, l: &Lstm) {
        let (h, step) = (l.hidden, l.batch * l.hidden);
        let saved = &self.saved[layer];
        let (gates, cells, hiddens) = (&saved.first, &saved.second, &saved.third);
        let mut dz = vec![0.0; 4 * l.seq * step];
        let mut dh = self.value_gradients[self.graph.gradient_of(l.y)].clone();
        let mut dc = vec![0.0; step];
        for t in (0..l.seq).rev() {
            let dz_t = &mut dz[4 * t * step..][..4 * step];
            for row in 0..l.batch {
                for j in 0..h {
                    let at = row * h + j;
                    let place = |gate: usize| row * 4 * h + gate * h + j;
                    let [i, f, g, o] = [0, 1, 2, 3].map(|gate| gates[4 * t * step + place(gate)]);
                    let before = if t > 0 { cells[(t - 1) * step + at] } else { 0.0 };
                    let tanh = cells[t * step + at].tanh();
                    dc[at] += dh[at] * o * (1.0 - tanh * tanh);
                    dz_t[place(0)] = dc[at] * g * i * (1.0 - i);
                    dz_t[place(1)] = dc[at] * before * f * (1.0 - f);
                    dz_t[place(2)] = dc[at] * i * (1.0 - g * g);
                    dz_t[place(3)] = dh[at] * tanh * o * (1.0 - o);
                    dc[at] *= f;
                }
            }
            let weight = View::rows(&self.parameters[l.weight_hh], h);
            multiply([l.batch, h, 4 * h], View::rows(dz_t, 4 * h), weight, &mut dh, h, false);
        }
        let x = View::rows(&self.values[l.x], h);
        let all = View::transposed(&dz, 4 * h);
        let dw = &mut self.gradients[l.weight_ih];
        multiply([4 * h, h, l.seq * l.batch], all, x, dw, h, false);
        let dw = &mut self.gradients[l.weight_hh];
        if l.seq > 1 {
            let later = View::transposed(&dz[4 * step..], 4 * h);
            let rows = (l.seq - 1) * l.batch;
            multiply([4 * h, h, rows], later, View::rows(hiddens, h), dw, h, false);
        } else {
            dw.fill(0.0);
        }
        let mut db = vec![0.0; 4 * h];
        for row in dz.chunks_exact(4 * h) {
            db.iter_mut().zip(row).for_each(|(db, dz)| *db += dz);
        }
        self.gradients[l.bias_ih].clone_from(&db);
        self.gradients[l.bias_hh] = db;
    }
}

fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}
