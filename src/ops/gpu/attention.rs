//! Softmax attention, head by head, so that the weights of all images on all their tokens stay in the GPU's
//! cache.

use super::{Gpu, Grid, Matrix, WARPS, launch};
use crate::{
    attention::Heads,
    format::Format,
    tape::{Node, Tape},
};
use candle_core::{DType, Result, Tensor};
use std::ops::Range;

/// Maximum number of weights computed together, unless a single image has more.
const MAX_WEIGHTS: usize = 1 << 25;

impl Tape {
    pub(crate) fn attention_on(&mut self, gpu: Gpu, qkv: &Node, shape: Heads) -> Result<Node> {
        let pass = Pass { gpu, shape, format: self.format() };
        let y = pass.gpu.uninit((shape.images, shape.tokens, shape.all()), qkv.value().dtype())?;
        pass.forward(qkv.value(), &y)?;
        let input = qkv.clone();
        Ok(self.record(y, &[qkv], move |grad, gradients| {
            gradients.contribute_on(&pass.gpu, &input, |sum, add| {
                pass.backward(input.value(), grad.tensor(), sum, add)
            })
        }))
    }
}

struct Pass {
    gpu: Gpu,
    shape: Heads,
    format: Format,
}

impl Pass {
    /// Number of images whose weights are computed together.
    fn together(&self) -> usize {
        (MAX_WEIGHTS / self.shape.tokens.pow(2)).clamp(1, self.shape.images.max(1))
    }

    /// Batches of images, and in each batch every head.
    fn heads(&self) -> impl Iterator<Item = (Range<usize>, usize)> + use<> {
        let (images, together, heads) = (self.shape.images, self.together(), self.shape.heads);
        let few = (0..images).step_by(together).map(move |first| first..images.min(first + together));
        few.flat_map(move |few| (0..heads).map(move |head| (few.clone(), head)))
    }

    /// Queries (0), keys (1) or values (2) of a head.
    fn of<'a>(&self, qkv: &'a Tensor, images: &Range<usize>, head: usize, which: usize) -> Matrix<'a> {
        let Heads { tokens, each, .. } = self.shape;
        let width = 3 * self.shape.all();
        let first = images.start * tokens * width + which * self.shape.all() + head * each;
        Matrix::stack(qkv, first, (tokens, each), width, (images.len(), tokens * width))
    }

    /// The output of a head for all tokens, or its gradient.
    fn made<'a>(&self, y: &'a Tensor, images: &Range<usize>, head: usize) -> Matrix<'a> {
        let Heads { tokens, each, .. } = self.shape;
        let all = self.shape.all();
        Matrix::stack(
            y,
            images.start * tokens * all + head * each,
            (tokens, each),
            all,
            (images.len(), tokens * all),
        )
    }

    /// A buffer for each pair of tokens of a batch of images.
    fn pairs(&self, format: DType) -> Result<Tensor> {
        self.gpu.uninit((self.together(), self.shape.tokens, self.shape.tokens), format)
    }

    fn square<'a>(&self, pairs: &'a Tensor, images: &Range<usize>) -> Matrix<'a> {
        let tokens = self.shape.tokens;
        Matrix::stack(pairs, 0, (tokens, tokens), tokens, (images.len(), tokens * tokens))
    }

    /// The weights of a head, computed from its logits.
    fn weigh(
        &self,
        qkv: &Tensor,
        few: &Range<usize>,
        head: usize,
        [logits, weights]: [&Tensor; 2],
    ) -> Result<()> {
        let (gpu, tokens) = (&self.gpu, self.shape.tokens);
        let (queries, keys) = (self.of(qkv, few, head, 0), self.of(qkv, few, head, 1));
        gpu.products(self.square(logits, few), false, queries, keys.transposed(), self.format)?;
        let rows = few.len() * tokens;
        let grid = Grid::blocks(rows.div_ceil(WARPS));
        launch!(gpu, softmax_rows[grid](logits, weights, self.shape.scale(), tokens, rows))
    }

    fn forward(&self, qkv: &Tensor, y: &Tensor) -> Result<()> {
        let (logits, weights) = (self.pairs(DType::F32)?, self.pairs(qkv.dtype())?);
        for (few, head) in self.heads() {
            self.weigh(qkv, &few, head, [&logits, &weights])?;
            let (weights, values) = (self.square(&weights, &few), self.of(qkv, &few, head, 2));
            self.gpu.products(self.made(y, &few, head), false, weights, values, self.format)?;
        }
        Ok(())
    }

    fn backward(&self, qkv: &Tensor, grad: &Tensor, sum: &Tensor, add: bool) -> Result<()> {
        let (gpu, tokens, format) = (&self.gpu, self.shape.tokens, self.format);
        let (pairs, weights) = (self.pairs(DType::F32)?, self.pairs(qkv.dtype())?);
        let slopes = self.pairs(qkv.dtype())?;
        for (few, head) in self.heads() {
            self.weigh(qkv, &few, head, [&pairs, &weights])?;
            let of = |which| self.of(qkv, &few, head, which);
            let to = |which| self.of(sum, &few, head, which);
            let grad = self.made(grad, &few, head);
            gpu.products(to(2), add, self.square(&weights, &few).transposed(), grad, format)?;
            gpu.products(self.square(&pairs, &few), false, grad, of(2).transposed(), format)?;
            let rows = few.len() * tokens;
            let (grid, scale) = (Grid::blocks(rows.div_ceil(WARPS)), self.shape.scale());
            launch!(gpu, softmax_rows_backward[grid](&weights, &pairs, &slopes, scale, tokens, rows))?;
            let slopes = self.square(&slopes, &few);
            gpu.products(to(0), add, slopes, of(1), format)?;
            gpu.products(to(1), add, slopes.transposed(), of(0), format)?;
        }
        Ok(())
    }
}
