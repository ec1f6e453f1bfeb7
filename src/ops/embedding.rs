//! Embedding lookup: rows of a table, by number.

use super::{buffer, gpu::Gpu};
use crate::tape::{Node, Tape};
use candle_core::{Result, Tensor};

impl Tape {
    /// Rows `rows` of `table` (R, C): (rows, C). A row may occur more than once.
    ///
    /// # Errors
    /// If a row does not exist.
    pub fn rows(&mut self, table: &Node, rows: &[usize]) -> Result<Node> {
        let (count, width) = table.value().dims2()?;
        if let Some(row) = rows.iter().find(|&&row| row >= count) {
            candle_core::bail!("row {row} of a table of {count} rows");
        }
        if let Some(gpu) = Gpu::of(table.value()) {
            return self.rows_on(gpu, table, rows);
        }
        let value = {
            let table = buffer::read(table.value())?;
            rows.iter().flat_map(|row| table[row * width..][..width].to_vec()).collect::<Vec<f32>>()
        };
        let value = Tensor::from_vec(value, (rows.len(), width), table.value().device())?;
        let (input, rows) = (table.clone(), rows.to_vec());
        Ok(self.record(value, &[table], move |grad, gradients| {
            let grad = buffer::read(grad.tensor())?;
            gradients.contribute(&input, |dx, add| {
                if !add {
                    dx.fill(0.0);
                }
                for (row, grad) in rows.iter().zip(grad.chunks_exact(width)) {
                    dx[row * width..][..width].iter_mut().zip(grad).for_each(|(dx, grad)| *dx += grad);
                }
            })
        }))
    }
}
