//! Self-distillation.

use super::{Gpu, Grid, launch};
use crate::{
    distil::Meeting,
    tape::{Node, Tape},
};
use candle_core::{DType, Result, Tensor};

impl Tape {
    pub(crate) fn distil_on(
        &mut self,
        gpu: Gpu,
        (logits, sharpness): (&Node, f32),
        teacher: &Tensor,
        meeting: Meeting,
        factor: f32,
        weights: &[f32],
    ) -> Result<Node> {
        let (rows, cols) = logits.value().dims2()?;
        let Meeting { teachers, students, same_views } = meeting;
        let (softmax, losses) = (gpu.like(logits.value())?, gpu.uninit(rows, DType::F32)?);
        let weights = Tensor::new(weights, &gpu.device())?;
        let grid = Grid::blocks(rows);
        launch!(
            gpu,
            distil[grid](
                logits.value(),
                sharpness,
                teacher,
                &weights,
                &softmax,
                &losses,
                cols,
                students,
                teachers,
                same_views
            )
        )?;
        let y = gpu.uninit(1, DType::F32)?;
        launch!(gpu, total[Grid::blocks(1)](&losses, factor, &y, rows, false))?;
        let (input, teacher) = (logits.clone(), teacher.clone());
        Ok(self.record(y, &[logits], move |grad, gradients| {
            gradients.contribute_on(&gpu, &input, |dx, add| {
                let slope = sharpness * factor;
                let grad = grad.tensor();
                launch!(
                    gpu,
                    distil_backward[grid](
                        grad, &softmax, &teacher, &weights, slope, dx, cols, students, teachers, same_views,
                        add
                    )
                )
            })
        }))
    }
}

impl Gpu {
    /// See [`sharpened`](crate::distil::sharpened).
    pub(crate) fn sharpened(&self, logits: &Tensor, centre: &Tensor, sharpness: f32) -> Result<[Tensor; 2]> {
        let (rows, cols) = logits.dims2()?;
        let (p, entropies) = (self.like(logits)?, self.uninit(rows, DType::F32)?);
        launch!(self, sharpened[Grid::blocks(rows)](logits, centre, sharpness, &p, &entropies, cols))?;
        Ok([p, entropies])
    }

    /// See [`entropy_of_mean`](crate::distil::entropy_of_mean).
    pub(crate) fn entropy_of_mean(&self, p: &Tensor) -> Result<Tensor> {
        let (rows, cols) = p.dims2()?;
        let (sums, y) = (self.sums_of_columns(p)?, self.uninit(1, DType::F32)?);
        launch!(self, entropy[Grid::blocks(1)](&sums, 1.0 / rows as f32, &y, cols))?;
        Ok(y)
    }

    /// The sum of each column of a matrix.
    pub(crate) fn sums_of_columns(&self, x: &Tensor) -> Result<Tensor> {
        let sums = self.uninit(x.dims2()?.1, DType::F32)?;
        self.column_sums(x, &sums, false)?;
        Ok(sums)
    }

    /// `to = keep · to + share · from`.
    pub(crate) fn blend(&self, to: &Tensor, from: &Tensor, keep: f32, share: f32) -> Result<()> {
        let n = to.elem_count();
        launch!(self, blend[Grid::over(n)](to, from, keep, share, n))
    }
}
