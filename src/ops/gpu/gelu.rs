//! GELU.

use super::{Gpu, Grid, launch};
use crate::tape::{Node, Tape};
use candle_core::Result;

impl Tape {
    pub(in crate::ops) fn gelu_on(&mut self, gpu: Gpu, x: &Node) -> Result<Node> {
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
}
