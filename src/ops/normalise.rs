//! L2 normalisation of rows.

use super::{buffer, gpu::Gpu};
use crate::tape::{Node, Tape};
use candle_core::{Result, Tensor};
use rayon::prelude::*;

/// Minimum norm to divide by (PyTorch's `normalize`).
const SHORTEST: f32 = 1e-12;

impl Tape {
    /// Each row of `x` (N, C) divided by its Euclidean length.
    ///
    /// # Errors
    /// If `x` does not have two axes.
    pub fn normalise_rows(&mut self, x: &Node) -> Result<Node> {
        if let Some(gpu) = Gpu::of(x.value()) {
            return self.normalise_rows_on(gpu, x);
        }
        let (_, width) = x.value().dims2()?;
        let value = {
            let x = buffer::read(x.value())?;
            let mut y = buffer::uninit(x.len());
            y.par_chunks_mut(width).zip(x.par_chunks(width)).for_each(|(y, x)| {
                let inverse = 1.0 / length(x).max(SHORTEST);
                y.iter_mut().zip(x).for_each(|(y, x)| *y = x * inverse);
            });
            y
        };
        let value = Tensor::from_vec(value, x.value().shape(), x.value().device())?;
        let (input, output) = (x.clone(), value.clone());
        Ok(self.record(value, &[x], move |grad, gradients| {
            let (x, y, grad) =
                (buffer::read(input.value())?, buffer::read(&output)?, buffer::read(grad.tensor())?);
            let (x, y, grad) = (&*x, &*y, &*grad);
            gradients.contribute(&input, |dx, add| {
                let rows = dx.par_chunks_mut(width).zip(x.par_chunks(width));
                rows.zip(y.par_chunks(width).zip(grad.par_chunks(width))).for_each(|((dx, x), (y, grad))| {
                    let length = length(x);
                    let inverse = 1.0 / length.max(SHORTEST);
                    // A row that was divided by the minimum norm has no component to project out.
                    let along = if length > SHORTEST { dot(y, grad) } else { 0.0 };
                    for i in 0..width {
                        let slope = (grad[i] - y[i] * along) * inverse;
                        dx[i] = if add { dx[i] + slope } else { slope };
                    }
                });
            })
        }))
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>() as f32
}

fn length(x: &[f32]) -> f32 {
    x.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt() as f32
}
