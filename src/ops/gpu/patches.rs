//! Patches of images.

use super::{Gpu, Grid, launch};
use crate::tape::{Node, Tape};
use candle_core::{Result, Tensor};

impl Tape {
    pub(crate) fn patches_on(&mut self, gpu: Gpu, x: &Node, side: usize) -> Result<Node> {
        let (images, height, width, channels) = x.value().dims4()?;
        let shape = (images, height / side, width / side, side * side * channels);
        let y = gpu.uninit(shape, x.value().dtype())?;
        let n = y.elem_count();
        launch!(gpu, patches[Grid::over(n)](x.value(), &y, height, width, channels, side, n))?;
        let input = x.clone();
        Ok(self.record(y, &[x], move |grad, gradients| {
            let n = input.value().elem_count();
            gradients.contribute_on(&gpu, &input, |dx, add| {
                let grad = grad.tensor();
                launch!(gpu, patches_backward[Grid::over(n)](grad, dx, height, width, channels, side, n, add))
            })
        }))
    }

    pub(crate) fn planar_patches_on(&mut self, gpu: &Gpu, images: &Tensor, side: usize) -> Result<Node> {
        let (count, channels, height, width) = images.dims4()?;
        let shape = (count, height / side, width / side, channels * side * side);
        let y = gpu.uninit(shape, self.format().dtype())?;
        let n = y.elem_count();
        launch!(gpu, planar_patches[Grid::over(n)](images, &y, channels, height, width, side, n))?;
        Ok(Node::constant(y))
    }
}
