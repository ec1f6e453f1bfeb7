//! L2 normalisation of rows.

use super::{Gpu, Grid, launch};
use crate::tape::{Node, Tape};
use candle_core::Result;

impl Tape {
    pub(crate) fn normalise_rows_on(&mut self, gpu: Gpu, x: &Node) -> Result<Node> {
        let (rows, width) = x.value().dims2()?;
        let y = gpu.like(x.value())?;
        launch!(gpu, normalise_rows[Grid::blocks(rows)](x.value(), &y, width))?;
        let (input, output) = (x.clone(), y.clone());
        Ok(self.record(y, &[x], move |grad, gradients| {
            gradients.contribute_on(&gpu, &input, |dx, add| {
                let (x, grad) = (input.value(), grad.tensor());
                launch!(gpu, normalise_rows_backward[Grid::blocks(rows)](x, &output, grad, dx, width, add))
            })
        }))
    }
}
