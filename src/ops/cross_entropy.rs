//! Fused softmax and cross-entropy, over a few hundred columns at most.

use super::{buffer, gpu::Gpu};
use crate::tape::{Node, Tape};
use candle_core::{Device, Result, Tensor};

impl Tape {
    /// Mean over rows of `-log softmax(scale · logits)[target]`. `without` names a column that a row excludes
    /// from its softmax (SimCLR: the row itself).
    ///
    /// # Errors
    /// If a target is not a column, or the numbers of targets and rows differ.
    pub fn cross_entropy(
        &mut self,
        logits: &Node,
        scale: f32,
        targets: &[usize],
        without: Option<&[usize]>,
    ) -> Result<Node> {
        let (rows, cols) = logits.value().dims2()?;
        if targets.len() != rows || without.is_some_and(|without| without.len() != rows) || rows == 0 {
            candle_core::bail!("cross-entropy: {rows} rows of logits meet {} targets", targets.len());
        }
        if let Some(target) = targets.iter().find(|&&target| target >= cols) {
            candle_core::bail!("cross-entropy: class {target} has no logit; there are {cols}");
        }
        if let Some(gpu) = Gpu::of(logits.value()) {
            return self.cross_entropy_on(gpu, logits, scale, targets, without);
        }
        let mut softmax = buffer::read(logits.value())?.to_vec();
        let mut total = 0f64;
        for (row, p) in softmax.chunks_exact_mut(cols).enumerate() {
            if let Some(without) = without {
                p[without[row]] = f32::NEG_INFINITY;
            }
            let top = p.iter().fold(f32::NEG_INFINITY, |top, p| top.max(*p));
            let target = f64::from(scale) * f64::from(p[targets[row]] - top);
            let mut sum = 0f64;
            for p in p.iter_mut() {
                let e = (f64::from(scale) * f64::from(*p - top)).exp();
                sum += e;
                *p = e as f32;
            }
            for p in p.iter_mut() {
                *p = (f64::from(*p) / sum) as f32;
            }
            total += sum.ln() - target;
        }
        let value = Tensor::from_vec(vec![(total / rows as f64) as f32], 1, &Device::Cpu)?;
        let (input, targets) = (logits.clone(), targets.to_vec());
        Ok(self.record(value, &[logits], move |grad, gradients| {
            let slope = buffer::read(grad.tensor())?[0] * scale / rows as f32;
            gradients.contribute(&input, |dx, add| {
                for (row, (dx, p)) in dx.chunks_exact_mut(cols).zip(softmax.chunks_exact(cols)).enumerate() {
                    for (col, (dx, p)) in dx.iter_mut().zip(p).enumerate() {
                        let slope = slope * (p - f32::from(u8::from(col == targets[row])));
                        *dx = if add { *dx + slope } else { slope };
                    }
                }
            })
        }))
    }
}
