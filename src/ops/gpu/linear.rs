//! Linear maps.

use super::{Gpu, Grid, Matrix, launch};
use crate::{
    Weight,
    tape::{Node, Tape},
};
use candle_core::{DType, Result, Tensor};

impl Tape {
    pub(crate) fn linear_on(
        &mut self,
        gpu: Gpu,
        x: &Node,
        weight: &Node,
        layout: Weight,
        bias: Option<&Node>,
        shape: Vec<usize>,
    ) -> Result<Node> {
        let outs = shape.last().copied().unwrap_or(0);
        let ins = x.dims().last().copied().unwrap_or(0);
        let samples = x.value().elem_count() / ins;
        let precision = self.format();
        // Weights are stored in 32 bits; products convert them to the format of the other factor.
        let w = gpu.rounded(weight.value(), x.value().dtype())?;
        let y = gpu.uninit(shape, x.value().dtype())?;
        let across = matrix(&w, layout, outs, ins).transposed();
        gpu.product(&y, false, Matrix::rows(x.value(), samples, ins), across, precision)?;
        if let Some(bias) = bias {
            let n = y.elem_count();
            launch!(gpu, add_bias[Grid::over(n)](&y, bias.value(), outs, n))?;
        }
        let (input, weights, offset) = (x.clone(), weight.clone(), bias.cloned());
        let inputs: Vec<&Node> = [x, weight].into_iter().chain(bias).collect();
        Ok(self.record(y, &inputs, move |grad, gradients| {
            if let Some(offset) = &offset {
                gradients.contribute_on(&gpu, offset, |sum, add| gpu.column_sums(grad.tensor(), sum, add))?;
            }
            let grad = Matrix::rows(grad.tensor(), samples, outs);
            let x = Matrix::rows(input.value(), samples, ins);
            let (left, right) = match layout {
                Weight::OutIn => (grad.transposed(), x),
                Weight::InOut => (x.transposed(), grad),
            };
            gradients
                .contribute_on(&gpu, &weights, |dw, add| gpu.product(dw, add, left, right, precision))?;
            gradients.contribute_on(&gpu, &input, |dx, add| {
                gpu.product(dx, add, grad, matrix(&w, layout, outs, ins), precision)
            })
        }))
    }
}

/// The weights as an (out, in) matrix, in either layout.
fn matrix(w: &Tensor, layout: Weight, outs: usize, ins: usize) -> Matrix<'_> {
    match layout {
        Weight::OutIn => Matrix::rows(w, outs, ins),
        Weight::InOut => Matrix::rows(w, ins, outs).transposed(),
    }
}

impl Gpu {
    /// 32-bit floats converted to another format; the tensor itself if it has that format.
    pub(super) fn rounded(&self, x: &Tensor, format: DType) -> Result<Tensor> {
        if x.dtype() == format {
            return Ok(x.clone());
        }
        let (y, n) = (self.uninit(x.shape(), format)?, x.elem_count());
        launch!(self, narrow[Grid::over(n)](x, &y, n))?;
        Ok(y)
    }
}
