//! AdamW, one pass over each parameter: weights, both running means and decay at once.

use super::{
    Scalar, buffer,
    gpu::Gpu,
    simd::{Simd, dispatch},
};
use candle_core::{Result, Tensor};
use rayon::prelude::*;

/// Elements per task.
const CHUNK: usize = 32_768;

/// The coefficients of one step (torch's `AdamW`: decay first, bias corrections folded in).
#[derive(Clone, Copy, Debug)]
pub struct Step {
    pub(super) beta1: f32,
    pub(super) beta2: f32,
    /// `1 - beta`, taken in double precision: in single, 1 - 0.999 is off by 1e-5.
    pub(super) rest1: f32,
    pub(super) rest2: f32,
    pub(super) decay: f32,
    pub(super) rate: f32,
    pub(super) correction: f32,
    pub(super) eps: f32,
}

/// One parameter and its optimiser state.
pub struct Line<'a> {
    /// Its weights, updated in place.
    pub weights: &'a Tensor,
    /// Its gradient.
    pub gradient: &'a Tensor,
    /// The running mean of the gradient, updated in place.
    pub mean: &'a Tensor,
    /// The running mean of its square, updated in place.
    pub square: &'a Tensor,
    /// The coefficients of the step; betas and epsilon are the same for all.
    pub step: Step,
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
}

/// One step of all these parameters.
///
/// # Errors
/// If a gradient and its weights differ in number of elements.
pub fn update(lines: &[Line<'_>]) -> Result<()> {
    for Line { weights, gradient, .. } in lines {
        if weights.elem_count() != gradient.elem_count() {
            candle_core::bail!("weights of shape {:?} got a gradient {:?}", weights.dims(), gradient.dims());
        }
    }
    match lines.first().and_then(|line| Gpu::of(line.weights)) {
        Some(gpu) => gpu.adamw(lines),
        None => lines.iter().try_for_each(change),
    }
}

fn change(line: &Line<'_>) -> Result<()> {
    let gradient = buffer::read(line.gradient)?;
    let gradient = &*gradient;
    let (mut of_mean, mut of_square) = (Ok(()), Ok(()));
    buffer::write(line.weights, |weights| {
        of_mean = buffer::write(line.mean, |mean| {
            of_square = buffer::write(line.square, |square| {
                weights
                    .par_chunks_mut(CHUNK)
                    .zip(gradient.par_chunks(CHUNK))
                    .zip(mean.par_chunks_mut(CHUNK))
                    .zip(square.par_chunks_mut(CHUNK))
                    .for_each(|(((weights, gradient), mean), square)| {
                        change_part(weights, gradient, mean, square, line.step);
                    });
            });
        });
    })?;
    of_mean.and(of_square)
}

/// The Euclidean norm of all these gradients together.
///
/// # Errors
/// If one cannot be read.
pub fn length(gradients: &[&Tensor]) -> Result<Scalar> {
    match gradients.first().and_then(|first| Gpu::of(first)) {
        Some(gpu) => Ok(Scalar::Device(gpu.length(gradients)?)),
        None => {
            Ok(Scalar::Host(gradients.iter().map(|one| sum_of_squares(one)).sum::<Result<f64>>()?.sqrt()))
        }
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
unsafe fn change_part_body<S: Simd>(
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
dispatch!(fn change_part(weights: &mut [f32], gradient: &[f32], mean: &mut [f32], square: &mut [f32], step: Step) => change_part_body);
