//! AdamW over all parameters in one launch, and the norm of all gradients.

use super::{Gpu, Grid, launch};
use crate::{
    adamw::{Line, Step},
    buffer,
};
use candle_core::{DType, Result, Tensor};

/// Elements per block, as in the kernel.
const CHUNK: usize = 4096;

/// The parameters in the form that kernels read.
struct Table {
    table: Tensor,
    starts: Tensor,
    lines: usize,
    blocks: usize,
}

impl Gpu {
    /// Each row: the addresses of weights, gradient, mean and square, and their number of elements.
    fn table(&self, lines: &[([u64; 4], usize)]) -> Result<Table> {
        let (mut table, mut starts, mut blocks) = (Vec::new(), Vec::new(), 0);
        for (addresses, count) in lines {
            table.extend(addresses.map(|address| address as i64));
            table.push(*count as i64);
            starts.push(blocks);
            blocks += count.div_ceil(CHUNK);
        }
        let table = Tensor::new(table, &self.device())?;
        Ok(Table { table, lines: starts.len(), starts: self.numbers(&starts)?, blocks })
    }

    /// Updates all weights and running means.
    pub(crate) fn adamw(&self, lines: &[Line<'_>]) -> Result<()> {
        let Some(first) = lines.first() else { return Ok(()) };
        let address = buffer::address;
        let addresses = |Line { weights, gradient, mean, square, .. }: &Line<'_>| {
            let own = [address(weights)?, address(gradient)?, address(mean)?, address(square)?];
            Ok((own, weights.elem_count()))
        };
        let addresses: Vec<_> = lines.iter().map(addresses).collect::<Result<_>>()?;
        let Table { table, starts, lines: count, blocks } = self.table(&addresses)?;
        let factors: Vec<f32> =
            lines.iter().flat_map(|line| [line.step.decay, line.step.rate, line.step.correction]).collect();
        let factors = Tensor::new(factors, &self.device())?;
        let Step { beta1, beta2, rest1, rest2, eps, .. } = first.step;
        launch!(
            self,
            adamw[Grid::blocks(blocks)](&table, &starts, &factors, count, beta1, beta2, rest1, rest2, eps)
        )
    }

    /// The Euclidean norm of all gradients together, a scalar.
    pub(crate) fn length(&self, gradients: &[&Tensor]) -> Result<Tensor> {
        let address = |gradient: &&Tensor| Ok(([buffer::address(gradient)?; 4], gradient.elem_count()));
        let addresses: Vec<_> = gradients.iter().map(address).collect::<Result<_>>()?;
        let Table { table, starts, lines: count, blocks } = self.table(&addresses)?;
        let sums = self.uninit(blocks, DType::F32)?;
        launch!(self, gradient_squares[Grid::blocks(blocks)](&table, &starts, count, &sums))?;
        let y = self.uninit(1, DType::F32)?;
        launch!(self, total[Grid::blocks(1)](&sums, 1.0, &y, blocks, false))?;
        y.sqrt()
    }
}
