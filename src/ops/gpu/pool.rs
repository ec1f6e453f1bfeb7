//! Global average pooling, in 32-bit floats for any format of activations.

use super::{Gpu, Grid, launch};
use crate::tape::{Node, Tape};
use candle_core::{DType, Result};

impl Tape {
    pub(crate) fn mean_pixels_on(&mut self, gpu: Gpu, x: &Node) -> Result<Node> {
        let (images, height, width, channels) = x.value().dims4()?;
        let pixels = height * width;
        let y = gpu.uninit((images, channels), DType::F32)?;
        launch!(gpu, mean_pixels[Grid::columns(channels, images)](x.value(), &y, pixels, channels))?;
        let input = x.clone();
        Ok(self.record(y, &[x], move |grad, gradients| {
            let n = input.value().elem_count();
            gradients.contribute_on(&gpu, &input, |dx, add| {
                let grad = grad.tensor();
                launch!(gpu, mean_pixels_backward[Grid::over(n)](grad, dx, pixels, channels, n, add))
            })
        }))
    }
}
