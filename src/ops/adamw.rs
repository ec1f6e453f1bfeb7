//! AdamW, one pass over each parameter: weights, both running means and the decay at once.

use super::{
    buffer,
    simd::{Simd, dispatch},
};
use candle_core::{Result, Tensor};
use rayon::prelude::*;

/// Numbers that one task changes.
const CHUNK: usize = 32_768;

/// The numbers of one step (torch's `AdamW`: decay first, bias corrections folded in).
#[derive(Clone, Copy, Debug)]
pub struct Step {
    beta1: f32,
    beta2: f32,
    /// `1 - beta`, taken in double precision: in single, 1 - 0.999 is off by 1e-5.
    rest1: f32,
    rest2: f32,
    decay: f32,
    rate: f32,
    correction: f32,
    eps: f32,
}

impl Step {
    /// Step number `t`, from 1.
    pub fn new(t: u64, lr: f64, weight_decay: f64, betas: [f64; 2], eps: f64) -> Self {
        let power = |beta: f64| 1.0 - beta.powi(t.min(i32::MAX as u64) as i32);
        Self {
            beta1: betas[0] as f32,
            beta2: betas[1] as f32,
            rest1: (1.0 - betas[0]) as f32,
            rest2: (1.0 - betas[1]) as f32,
            decay: (1.0 - lr * weight_decay) as f32,
            rate: (lr / power(betas[0])) as f32,
            correction: (1.0 / power(betas[1]).sqrt()) as f32,
            eps: eps as f32,
        }
    }

    /// Changes `weights` and the running `mean` and `square` of its gradient.
    ///
    /// # Errors
    /// If the gradient has another number of elements.
    pub fn apply(
        self,
        weights: &Tensor,
        gradient: &Tensor,
        mean: &mut [f32],
        square: &mut [f32],
    ) -> Result<()> {
        if weights.elem_count() != gradient.elem_count() || weights.elem_count() != mean.len() {
            candle_core::bail!("weights of shape {:?} got a gradient {:?}", weights.dims(), gradient.dims());
        }
        let gradient = buffer::read(gradient)?;
        let gradient = &*gradient;
        buffer::write(weights, |weights| {
            weights
                .par_chunks_mut(CHUNK)
                .zip(gradient.par_chunks(CHUNK))
                .zip(mean.par_chunks_mut(CHUNK))
                .zip(square.par_chunks_mut(CHUNK))
                .for_each(|(((weights, gradient), mean), square)| {
                    update(weights, gradient, mean, square, self);
                });
        })
    }
}

/// The sum of squares of a tensor, in a fixed order.
///
/// # Errors
/// If the tensor cannot be read.
pub fn sum_of_squares(tensor: &Tensor) -> Result<f64> {
    let values = buffer::read(tensor)?;
    let parts: Vec<f64> = values
        .par_chunks(buffer::CHUNK)
        .map(|part| {
            let mut sums = [0f32; 16];
            let (whole, tail) = part.as_chunks::<16>();
            for x in whole {
                for (sum, x) in sums.iter_mut().zip(x) {
                    *sum += x * x;
                }
            }
            sums.iter().chain([&tail.iter().map(|x| x * x).sum::<f32>()]).map(|x| f64::from(*x)).sum()
        })
        .collect();
    Ok(parts.iter().sum())
}

#[inline(always)]
unsafe fn update_body<S: Simd>(
    weights: &mut [f32],
    gradient: &[f32],
    mean: &mut [f32],
    square: &mut [f32],
    step: Step,
) {
    let Step { beta1, beta2, rest1, rest2, decay, rate, correction, eps } = step;
    for i in 0..weights.len() {
        mean[i] = beta1 * mean[i] + rest1 * gradient[i];
        square[i] = beta2 * square[i] + rest2 * gradient[i] * gradient[i];
        weights[i] = weights[i] * decay - rate * mean[i] / (square[i].sqrt() * correction + eps);
    }
}
dispatch!(fn update(weights: &mut [f32], gradient: &[f32], mean: &mut [f32], square: &mut [f32], step: Step) => update_body);
