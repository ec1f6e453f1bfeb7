//! Fused softmax and cross-entropy.

use super::{Gpu, Grid, launch};
use crate::tape::{Node, Tape};
use candle_core::{DType, Result};

impl Tape {
    pub(crate) fn cross_entropy_on(
        &mut self,
        gpu: Gpu,
        logits: &Node,
        scale: f32,
        targets: &[usize],
        without: Option<&[usize]>,
    ) -> Result<Node> {
        let (rows, cols) = logits.value().dims2()?;
        let targets = gpu.numbers(targets)?;
        let without = without.map(|without| gpu.numbers(without)).transpose()?;
        let (softmax, losses) = (gpu.like(logits.value())?, gpu.uninit(rows, DType::F32)?);
        let left_out = without.as_ref();
        launch!(
            gpu,
            cross_entropy[Grid::blocks(rows)](
                logits.value(),
                scale,
                &targets,
                left_out,
                &softmax,
                &losses,
                cols
            )
        )?;
        let y = gpu.uninit(1, DType::F32)?;
        launch!(gpu, total[Grid::blocks(1)](&losses, 1.0 / rows as f32, &y, rows, false))?;
        let input = logits.clone();
        Ok(self.record(y, &[logits], move |grad, gradients| {
            gradients.contribute_on(&gpu, &input, |dx, add| {
                let grid = Grid::over(rows * cols);
                let grad = grad.tensor();
                launch!(
                    gpu,
                    cross_entropy_backward[grid](grad, &softmax, &targets, scale, dx, rows, cols, add)
                )
            })
        }))
    }
}
