//! Layer normalisation over the last axis. The backward pass recomputes mean and deviation: nothing is saved.

use super::{
    buffer,
    gpu::Gpu,
    linear::{set_or_add, total},
    simd::{Simd, dispatch, sum_of},
};
use crate::tape::{Node, Tape};
use candle_core::{Result, Tensor};
use rayon::prelude::*;

/// Rows per task, forward; they fit the first-level cache.
const ROWS: usize = 64;
/// Rows per task, backward; fixed, so that the sums over rows do not depend on threads.
const BACKWARD_ROWS: usize = 256;

impl Tape {
    /// `(x - mean) / sqrt(variance + eps) · scale + shift` over the last axis of `x` (…, C).
    ///
    /// # Errors
    /// If `scale` or `shift` do not have C elements.
    pub fn layer_norm(&mut self, x: &Node, scale: &Node, shift: &Node, eps: f32) -> Result<Node> {
        let width = x.dims().last().copied().unwrap_or(0);
        if scale.dims() != [width] || shift.dims() != [width] {
            candle_core::bail!(
                "layer norm: input of shape {:?} meets scale {:?} and shift {:?}",
                x.dims(),
                scale.dims(),
                shift.dims()
            );
        }
        if let Some(gpu) = Gpu::of(x.value()) {
            return self.layer_norm_on(gpu, x, scale, shift, eps);
        }
        let value = {
            let (x, scale, shift) =
                (buffer::read(x.value())?, buffer::read(scale.value())?, buffer::read(shift.value())?);
            let (scale, shift) = (&*scale, &*shift);
            let mut y = buffer::uninit(x.len());
            y.par_chunks_mut(ROWS * width)
                .zip(x.par_chunks(ROWS * width))
                .for_each(|(y, x)| forward(x, scale, shift, eps, y));
            y
        };
        let value = Tensor::from_vec(value, x.value().shape(), x.value().device())?;
        let (input, gain, offset) = (x.clone(), scale.clone(), shift.clone());
        Ok(self.record(value, &[x, scale, shift], move |grad, gradients| {
            let (x, grad) = (buffer::read(input.value())?, buffer::read(grad.tensor())?);
            let scale = buffer::read(gain.value())?;
            let (x, grad, weight) = (&*x, &*grad, &*scale);
            let part = BACKWARD_ROWS * width;
            let mut sums = Vec::new();
            let mut sweep = |dx: &mut [f32], add: bool| {
                let parts: Vec<Vec<f32>> = dx
                    .par_chunks_mut(part)
                    .zip(x.par_chunks(part))
                    .zip(grad.par_chunks(part))
                    .map(|((dx, x), grad)| {
                        let mut sums = vec![0f32; 2 * width];
                        let mut unit = vec![0f32; width];
                        backward(x, weight, grad, eps, dx, add, &mut sums, &mut unit);
                        sums
                    })
                    .collect();
                sums = total(parts, 2 * width);
            };
            if input.wants_gradient() {
                gradients.contribute(&input, &mut sweep)?;
            } else {
                sweep(&mut buffer::uninit(x.len()), false);
            }
            gradients.contribute(&gain, |dscale, add| set_or_add(dscale, &sums[..width], add))?;
            gradients.contribute(&offset, |dshift, add| set_or_add(dshift, &sums[width..], add))
        }))
    }
}

/// Mean and inverse standard deviation of a row, in two passes.
#[inline(always)]
fn statistics(x: &[f32], eps: f32) -> (f32, f32) {
    let mean = sum_of(x, x, |x, _| x) / x.len() as f32;
    let variance = sum_of(x, x, |x, _| (x - mean) * (x - mean)) / x.len() as f32;
    (mean, 1.0 / (variance + eps).sqrt())
}

#[inline(always)]
unsafe fn forward_body<S: Simd>(x: &[f32], scale: &[f32], shift: &[f32], eps: f32, y: &mut [f32]) {
    let width = scale.len();
    for (x, y) in x.chunks_exact(width).zip(y.chunks_exact_mut(width)) {
        let (mean, inverse) = statistics(x, eps);
        for (((y, x), scale), shift) in y.iter_mut().zip(x).zip(scale).zip(shift) {
            *y = (x - mean) * inverse * scale + shift;
        }
    }
}
dispatch!(fn forward(x: &[f32], scale: &[f32], shift: &[f32], eps: f32, y: &mut [f32]) => forward_body);

/// Gradients of input, scale and shift in one pass; `sums` collects the last two, `unit` is scratch.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn backward_body<S: Simd>(
    x: &[f32],
    scale: &[f32],
    grad: &[f32],
    eps: f32,
    dx: &mut [f32],
    add: bool,
    sums: &mut [f32],
    unit: &mut [f32],
) {
    let width = scale.len();
    let (dscale, dshift) = sums.split_at_mut(width);
    let unit = &mut unit[..width];
    for ((x, grad), dx) in x.chunks_exact(width).zip(grad.chunks_exact(width)).zip(dx.chunks_exact_mut(width))
    {
        let (mean, inverse) = statistics(x, eps);
        for i in 0..width {
            unit[i] = (x[i] - mean) * inverse;
            dscale[i] += grad[i] * unit[i];
            dshift[i] += grad[i];
        }
        let (mut along, mut across) = ([0f32; 16], [0f32; 16]);
        let whole = width / 16 * 16;
        for j in (0..whole).step_by(16) {
            for i in 0..16 {
                let g = grad[j + i] * scale[j + i];
                along[i] += g;
                across[i] += g * unit[j + i];
            }
        }
        let (mut along, mut across) = (along.iter().sum::<f32>(), across.iter().sum::<f32>());
        for i in whole..width {
            let g = grad[i] * scale[i];
            along += g;
            across += g * unit[i];
        }
        let (along, across) = (along / width as f32, across / width as f32);
        if add {
            for i in 0..width {
                dx[i] += inverse * (grad[i] * scale[i] - along - unit[i] * across);
            }
        } else {
            for i in 0..width {
                dx[i] = inverse * (grad[i] * scale[i] - along - unit[i] * across);
            }
        }
    }
}
dispatch!(fn backward(x: &[f32], scale: &[f32], grad: &[f32], eps: f32, dx: &mut [f32], add: bool, sums: &mut [f32], unit: &mut [f32]) => backward_body);
