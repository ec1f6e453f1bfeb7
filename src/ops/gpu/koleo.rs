//! KoLeo: rows keep away from their nearest neighbours.

use super::{Gpu, Grid, launch};
use crate::tape::{Node, Tape};
use candle_core::{DType, Result};

impl Tape {
    pub(crate) fn koleo_on(&mut self, gpu: Gpu, x: &Node, groups: usize) -> Result<Node> {
        let (rows, width) = x.value().dims2()?;
        let nearest = gpu.numbers(&vec![0; rows])?;
        let (distances, logs) = (gpu.uninit(rows, DType::F32)?, gpu.uninit(rows, DType::F32)?);
        let grid = Grid::blocks(rows);
        launch!(gpu, koleo[grid](x.value(), &nearest, &distances, &logs, rows, width, groups))?;
        let share = (groups as f64 / rows as f64) as f32;
        let y = gpu.uninit(1, DType::F32)?;
        launch!(gpu, total[Grid::blocks(1)](&logs, -share, &y, rows, false))?;
        let input = x.clone();
        Ok(self.record(y, &[x], move |grad, gradients| {
            gradients.contribute_on(&gpu, &input, |dx, add| {
                let (grad, x) = (grad.tensor(), input.value());
                launch!(
                    gpu,
                    koleo_backward[grid](grad, x, &nearest, &distances, -share, dx, rows, width, groups, add)
                )
            })
        }))
    }
}
