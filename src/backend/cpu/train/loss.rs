//! The mean softmax cross-entropy and the gradient of the logits: few numbers, in f64.
//!
//! With p = softmax(z) of each of the `batch` rows of logits z (batch, classes):
//!
//! ```text
//! loss = -mean(log p[label])      dz = (p - one_hot(label)) / batch
//! ```

use super::tensors::Tensors;

/// Sets the loss, and the gradient of the logits.
pub fn loss(t: &mut Tensors<'_>) {
    let (logits, classes) = (t.graph.logits(), t.graph.classes());
    let mut dz = t.take_gradient(logits);
    let batch = t.labels.len() as f64;
    let mut loss = 0.0;
    let rows = t.values[logits].chunks_exact(classes).zip(dz.chunks_exact_mut(classes));
    for ((z, dz), label) in rows.zip(&t.labels) {
        let max = z.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f64 = z.iter().map(|z| f64::from(z - max).exp()).sum();
        loss += sum.ln() - f64::from(z[*label] - max);
        for (dz, z) in dz.iter_mut().zip(z) {
            *dz = (f64::from(z - max).exp() / sum / batch) as f32;
        }
        let probability = f64::from(z[*label] - max).exp() / sum;
        dz[*label] = ((probability - 1.0) / batch) as f32;
    }
    t.loss = (loss / batch) as f32;
    t.put_gradient(logits, dz);
}
