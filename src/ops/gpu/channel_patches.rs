//! Per-channel convolution whose stride equals its kernel's side.

use super::{Gpu, Grid, launch};
use crate::tape::{Node, Tape};
use candle_core::{DType, Result, Tensor};

/// Blocks that share the positions of a channel in the backward pass; each leaves a row of sums.
const SHARES: usize = 64;

impl Tape {
    pub(crate) fn channel_patches_on(
        &mut self,
        gpu: Gpu,
        images: &Tensor,
        weight: &Node,
        bias: &Node,
        side: usize,
    ) -> Result<Node> {
        let (count, channels, height, width) = images.dims4()?;
        let (rows, cols, area) = (height / side, width / side, side * side);
        let y = gpu.uninit((count, rows, cols, channels), DType::F32)?;
        let n = y.elem_count();
        {
            let (w, b) = (weight.value(), bias.value());
            launch!(gpu, channel_patches[Grid::over(n)](images, w, b, &y, channels, height, width, side, n))?;
        }
        let (images, matrix, offset) = (images.clone(), weight.clone(), bias.clone());
        Ok(self.record(y, &[weight, bias], move |grad, gradients| {
            let parts = gpu.uninit((SHARES, channels * (area + 1)), DType::F32)?;
            let places = count * rows * cols;
            let mut grid = Grid::blocks(channels);
            grid.blocks[1] = SHARES;
            let grad = grad.tensor();
            launch!(
                gpu,
                channel_patches_backward[grid](&images, grad, &parts, channels, height, width, side, places)
            )?;
            gradients.add_parts_on(&gpu, &parts, [&matrix, &offset])
        }))
    }
}
