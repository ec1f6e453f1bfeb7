//! Global average pooling over an image's pixels.

use super::{buffer, gpu::Gpu};
use crate::tape::{Node, Tape};
use candle_core::{Result, Tensor};
use rayon::prelude::*;

impl Tape {
    /// (N, H, W, C) to (N, C).
    ///
    /// # Errors
    /// If `x` does not have four axes.
    pub fn mean_pixels(&mut self, x: &Node) -> Result<Node> {
        if let Some(gpu) = Gpu::of(x.value()) {
            return self.mean_pixels_on(gpu, x);
        }
        let (n, height, width, channels) = x.value().dims4()?;
        let pixels = height * width;
        let share = 1.0 / pixels as f32;
        let value = {
            let x = buffer::read(x.value())?;
            let mut y = vec![0f32; n * channels];
            y.par_chunks_mut(channels).zip(x.par_chunks(pixels * channels)).for_each(|(y, x)| {
                for x in x.chunks_exact(channels) {
                    y.iter_mut().zip(x).for_each(|(y, x)| *y += x);
                }
                y.iter_mut().for_each(|y| *y *= share);
            });
            y
        };
        let value = Tensor::from_vec(value, (n, channels), x.value().device())?;
        let input = x.clone();
        Ok(self.record(value, &[x], move |grad, gradients| {
            let grad = buffer::read(grad.tensor())?;
            gradients.contribute(&input, |dx, add| {
                dx.par_chunks_mut(pixels * channels).zip(grad.par_chunks(channels)).for_each(|(dx, grad)| {
                    for dx in dx.chunks_exact_mut(channels) {
                        for (dx, grad) in dx.iter_mut().zip(grad) {
                            *dx = if add { *dx + grad * share } else { grad * share };
                        }
                    }
                });
            })
        }))
    }
}
