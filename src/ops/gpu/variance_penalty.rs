//! MIRO's variance penalty: negative log-likelihood of features under a Gaussian around other features.

use super::{Gpu, Grid, PART, launch};
use crate::tape::{Node, Tape};
use candle_core::{DType, Result, Tensor};

impl Tape {
    pub(crate) fn variance_penalty_on(
        &mut self,
        gpu: Gpu,
        x: &Node,
        around: &Tensor,
        raw: &Node,
    ) -> Result<Node> {
        let (channels, n) = (raw.value().elem_count(), x.value().elem_count());
        let (rows, count) = (n / channels, n as f32);
        let parts = rows.div_ceil(PART);
        let partial = gpu.uninit((parts, channels), DType::F32)?;
        let grid = Grid::columns(channels, parts);
        launch!(gpu, column_distances[grid](x.value(), around, &partial, rows, channels, PART))?;
        let squares = gpu.uninit(channels, DType::F32)?;
        gpu.column_sums(&partial, &squares, false)?;
        let y = gpu.uninit(1, DType::F32)?;
        launch!(gpu, variance_penalty[Grid::blocks(1)](&squares, raw.value(), &y, channels, count))?;
        let (input, around, raws) = (x.clone(), around.clone(), raw.clone());
        Ok(self.record(y, &[x, raw], move |grad, gradients| {
            let (grad, raw) = (grad.tensor(), raws.value());
            gradients.contribute_on(&gpu, &input, |dx, add| {
                let x = input.value();
                launch!(
                    gpu,
                    variance_penalty_backward[Grid::over(n)](grad, x, &around, raw, dx, channels, n, add)
                )
            })?;
            gradients.contribute_on(&gpu, &raws, |dx, add| {
                let grid = Grid::over(channels);
                launch!(gpu, variance_backward[grid](grad, &squares, raw, dx, channels, count, add))
            })
        }))
    }
}
