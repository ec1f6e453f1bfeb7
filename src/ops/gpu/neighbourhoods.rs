//! Every pixel with its eight neighbours.

use super::{Gpu, Grid, launch};
use crate::tape::{Node, Tape};
use candle_core::Result;

impl Tape {
    pub(crate) fn neighbourhoods_on(&mut self, gpu: Gpu, x: &Node) -> Result<Node> {
        let (images, height, width, channels) = x.value().dims4()?;
        let y = gpu.uninit((images, height, width, 9 * channels), x.value().dtype())?;
        let n = y.elem_count();
        launch!(gpu, neighbourhoods[Grid::over(n)](x.value(), &y, height, width, channels, n))?;
        let input = x.clone();
        Ok(self.record(y, &[x], move |grad, gradients| {
            let n = input.value().elem_count();
            gradients.contribute_on(&gpu, &input, |dx, add| {
                let grad = grad.tensor();
                launch!(
                    gpu,
                    neighbourhoods_backward[Grid::over(n)](grad, dx, height, width, channels, n, add)
                )
            })
        }))
    }
}
