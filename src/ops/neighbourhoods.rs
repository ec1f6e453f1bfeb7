//! 3×3 neighbourhoods in rows (im2col): a 3×3 convolution is this and a linear map.

use super::buffer::{self, Disjoint};
use super::gpu::Gpu;
use crate::tape::{Node, Tape};
use candle_core::{Result, Tensor};
use rayon::prelude::*;

impl Tape {
    /// (N, H, W, C) to (N, H, W, 9·C): line, column, channel inside a neighbourhood; 0 outside the image.
    ///
    /// # Errors
    /// If `x` does not have four axes.
    pub fn neighbourhoods(&mut self, x: &Node) -> Result<Node> {
        if let Some(gpu) = Gpu::of(x.value()) {
            return self.neighbourhoods_on(gpu, x);
        }
        let (n, height, width, channels) = x.value().dims4()?;
        let len = 9 * channels;
        let around = Around { height, width };
        let value = {
            let x = buffer::read(x.value())?;
            let x = &*x;
            let mut y = buffer::uninit(n * height * width * len);
            y.par_chunks_mut(width * len).enumerate().for_each(|(task, y)| {
                let (image, row) = (task / height, task % height);
                for (col, y) in y.chunks_exact_mut(len).enumerate() {
                    for (tap, y) in y.chunks_exact_mut(channels).enumerate() {
                        match around.at(row, col, tap) {
                            Some(at) => {
                                y.copy_from_slice(&x[(image * height * width + at) * channels..][..channels]);
                            }
                            None => y.fill(0.0),
                        }
                    }
                }
            });
            y
        };
        let value = Tensor::from_vec(value, (n, height, width, len), x.value().device())?;
        let input = x.clone();
        Ok(self.record(value, &[x], move |grad, gradients| {
            let grad = buffer::read(grad.tensor())?;
            let grad = &*grad;
            gradients.contribute(&input, |dx, add| {
                if !add {
                    dx.fill(0.0);
                }
                let out = Disjoint::new(dx);
                (0..n * height).into_par_iter().for_each(|task| {
                    let (image, row) = (task / height, task % height);
                    for col in 0..width {
                        let pixel = image * height * width + row * width + col;
                        // SAFETY: each task writes the pixels of its own row.
                        let dx =
                            unsafe { std::slice::from_raw_parts_mut(out.at(pixel * channels), channels) };
                        // The neighbour at `tap` has this pixel at the opposite tap.
                        for tap in 0..9 {
                            if let Some(at) = around.at(row, col, tap) {
                                let from = (image * height * width + at) * len + (8 - tap) * channels;
                                let grad = &grad[from..][..channels];
                                dx.iter_mut().zip(grad).for_each(|(dx, grad)| *dx += grad);
                            }
                        }
                    }
                });
            })
        }))
    }
}

#[derive(Clone, Copy)]
struct Around {
    height: usize,
    width: usize,
}

impl Around {
    /// The pixel at one of the nine positions around (and including) this one, if it is inside the image.
    fn at(self, row: usize, col: usize, tap: usize) -> Option<usize> {
        let row = (row + tap / 3).checked_sub(1).filter(|row| *row < self.height)?;
        let col = (col + tap % 3).checked_sub(1).filter(|col| *col < self.width)?;
        Some(row * self.width + col)
    }
}
