//! Tokens of transformers.

use super::{Gpu, Grid, launch};
use crate::tape::{Node, Tape};
use candle_core::Result;
use std::ops::Range;

impl Tape {
    pub(crate) fn tokens_on(&mut self, gpu: Gpu, patches: &Node, table: &Node) -> Result<Node> {
        let (images, count, width) = patches.value().dims3()?;
        let all = table.value().dim(0)?;
        let first = all - count;
        let y = gpu.uninit((images, all, width), patches.value().dtype())?;
        let n = y.elem_count();
        launch!(gpu, tokens[Grid::over(n)](patches.value(), table.value(), &y, first, all, width, n))?;
        let inputs = (patches.clone(), table.clone());
        Ok(self.record(y, &[patches, table], move |grad, gradients| {
            let grad = grad.tensor();
            gradients.contribute_on(&gpu, &inputs.1, |sum, add| {
                let n = all * width;
                launch!(gpu, tokens_table_backward[Grid::over(n)](grad, sum, images, n, add))
            })?;
            gradients.contribute_on(&gpu, &inputs.0, |dx, add| {
                let n = images * count * width;
                launch!(gpu, token_range[Grid::over(n)](grad, dx, first, count, all, width, n, add))
            })
        }))
    }

    pub(crate) fn token_range_on(&mut self, gpu: Gpu, x: &Node, range: Range<usize>) -> Result<Node> {
        let (images, all, width) = x.value().dims3()?;
        let (first, count) = (range.start, range.len());
        let y = gpu.uninit((images, count, width), x.value().dtype())?;
        let n = y.elem_count();
        launch!(gpu, token_range[Grid::over(n)](x.value(), &y, first, count, all, width, n, false))?;
        let input = x.clone();
        Ok(self.record(y, &[x], move |grad, gradients| {
            let n = images * all * width;
            gradients.contribute_on(&gpu, &input, |dx, add| {
                let grad = grad.tensor();
                launch!(gpu, token_range_backward[Grid::over(n)](grad, dx, first, count, all, width, n, add))
            })
        }))
    }
}
