//! The mean squared error of some tokens.

use super::{Gpu, Grid, launch};
use crate::tape::{Node, Tape};
use candle_core::{DType, Result, Tensor};

impl Tape {
    pub(crate) fn masked_error_on(
        &mut self,
        gpu: Gpu,
        x: &Node,
        target: &Tensor,
        counts: &[bool],
    ) -> Result<Node> {
        let len = x.dims()[2];
        let rows: Vec<usize> = (0..counts.len()).filter(|row| counts[*row]).collect();
        let flags: Vec<usize> = counts.iter().map(|counts| usize::from(*counts)).collect();
        let (counted, flags) = (rows.len(), gpu.numbers(&flags)?);
        let each = (1.0 / (counted * len) as f64) as f32;
        let errors = gpu.uninit(counted, DType::F32)?;
        let rows = gpu.numbers(&rows)?;
        launch!(gpu, masked_error[Grid::blocks(counted)](x.value(), target, &rows, &errors, len))?;
        let y = gpu.uninit(1, DType::F32)?;
        launch!(gpu, total[Grid::blocks(1)](&errors, each, &y, counted, false))?;
        let (input, target) = (x.clone(), target.clone());
        Ok(self.record(y, &[x], move |grad, gradients| {
            let n = input.value().elem_count();
            gradients.contribute_on(&gpu, &input, |dx, add| {
                let (grad, x) = (grad.tensor(), input.value());
                let grid = Grid::over(n);
                launch!(
                    gpu,
                    masked_error_backward[grid](grad, x, &target, &flags, 2.0 * each, dx, len, n, add)
                )
            })
        }))
    }
}
