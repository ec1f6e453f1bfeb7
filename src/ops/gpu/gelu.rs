//! GELU.

use super::{Gpu, Grid, PART, launch};
use crate::tape::{Node, Tape};
use candle_core::{DType, Result};

impl Tape {
    pub(crate) fn gelu_on(&mut self, gpu: Gpu, x: &Node) -> Result<Node> {
        let n = x.value().elem_count();
        let grid = Grid::over(n / 4);
        let y = gpu.like(x.value())?;
        launch!(gpu, gelu[grid](x.value(), &y, n))?;
        let input = x.clone();
        Ok(self.record(y, &[x], move |grad, gradients| {
            launch!(gpu, gelu_backward[grid](input.value(), grad.tensor(), n))?;
            gradients.give(&input, grad)
        }))
    }

    /// GELU of `x` (…, C) plus `bias` (C): the sum is never written.
    pub(crate) fn gelu_of_sum_on(&mut self, gpu: Gpu, x: &Node, bias: &Node) -> Result<Node> {
        let cols = bias.value().elem_count();
        let rows = x.value().elem_count() / cols;
        let y = gpu.like(x.value())?;
        launch!(gpu, gelu_of_sum[Grid::packs(rows, cols)](x.value(), bias.value(), &y, rows, cols))?;
        let (input, offset) = (x.clone(), bias.clone());
        Ok(self.record(y, &[x, bias], move |grad, gradients| {
            let parts = rows.div_ceil(PART);
            let partial = gpu.uninit((parts, cols), DType::F32)?;
            let grid = Grid::columns_of_packs(cols, parts, input.value().dtype());
            {
                let (x, bias, grad) = (input.value(), offset.value(), grad.tensor());
                launch!(gpu, gelu_of_sum_backward[grid](x, bias, grad, &partial, rows, cols, PART))?;
            }
            gradients.contribute_on(&gpu, &offset, |sum, add| gpu.column_sums(&partial, sum, add))?;
            gradients.give(&input, grad)
        }))
    }
}
