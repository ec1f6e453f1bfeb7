//! Embedding lookup: rows of a table, by number.

use super::{Gpu, Grid, launch};
use crate::tape::{Node, Tape};
use candle_core::{DType, Result};

impl Tape {
    pub(crate) fn rows_on(&mut self, gpu: Gpu, table: &Node, rows: &[usize]) -> Result<Node> {
        let (_, width) = table.value().dims2()?;
        let (count, rows) = (rows.len(), gpu.numbers(rows)?);
        let y = gpu.uninit((count, width), DType::F32)?;
        let n = y.elem_count();
        launch!(gpu, table_rows[Grid::over(n)](table.value(), &rows, &y, width, n))?;
        let input = table.clone();
        Ok(self.record(y, &[table], move |grad, gradients| {
            let n = input.value().elem_count();
            gradients.contribute_on(&gpu, &input, |dx, add| {
                let grad = grad.tensor();
                launch!(gpu, table_rows_backward[Grid::over(n)](grad, &rows, dx, count, width, n, add))
            })
        }))
    }
}
