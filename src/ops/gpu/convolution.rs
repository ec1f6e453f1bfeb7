//! Convolutions of frozen networks.

use super::{Gpu, Grid, Matrix, launch};
use crate::{
    convolution::{Finish, Window},
    tape::{Node, Tape},
};
use candle_core::{Result, Tensor};

/// Maximum size of neighbourhoods gathered together, in numbers.
const GATHERED: usize = 1 << 27;

impl Tape {
    pub(crate) fn convolution_on(
        &mut self,
        gpu: &Gpu,
        x: &Node,
        weight: &Tensor,
        window: Window,
        shape: [usize; 4],
        finish: &Finish<'_>,
    ) -> Result<Node> {
        let x = x.value();
        let w = gpu.rounded(weight, x.dtype())?;
        let y = gpu.uninit(shape.to_vec(), x.dtype())?;
        let Window { height, width, channels, side, stride } = window;
        let (len, outs) = (side * side * channels, shape[3]);
        let places = shape[..3].iter().product();
        let filters = Matrix::rows(&w, outs, len).transposed();
        let precision = self.format();
        if window.is_a_pixel() {
            gpu.product(&y, false, Matrix::rows(x, places, len), filters, precision)?;
        } else {
            let together = (GATHERED / len).clamp(1, places.max(1));
            let around = gpu.uninit((together, len), x.dtype())?;
            for first in (0..places).step_by(together) {
                let count = together.min(places - first);
                let n = count * len;
                launch!(
                    gpu,
                    windows[Grid::over(n)](x, &around, height, width, channels, side, stride, first, n)
                )?;
                let sums = Matrix::stack(&y, first * outs, (count, outs), outs, (1, 0));
                let around = Matrix::stack(&around, 0, (count, len), len, (1, 0));
                gpu.products(sums, false, around, filters, precision)?;
            }
        }
        let n = y.elem_count();
        let Finish { scale, shift, shortcut, relu } = finish;
        let shortcut = shortcut.map(Node::value);
        launch!(gpu, finish_maps[Grid::over(n)](&y, scale, shift, shortcut, *relu, outs, n))?;
        Ok(Node::constant(y))
    }
}

impl Gpu {
    /// Max pooling of maps with the shape `shape`.
    pub(crate) fn max_pool(&self, x: &Tensor, shape: (usize, usize, usize, usize)) -> Result<Tensor> {
        let (_, height, width, channels) = x.dims4()?;
        let y = self.uninit(shape, x.dtype())?;
        let n = y.elem_count();
        launch!(self, max_pool[Grid::over(n)](x, &y, height, width, channels, n))?;
        Ok(y)
    }
}
