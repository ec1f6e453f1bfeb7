//! GELU in its exact form, `x · Φ(x)`. One exponential gives both Φ and its derivative.

use super::{
    buffer::{self, CHUNK},
    gpu::Gpu,
    simd::{Simd, dispatch},
};
use crate::tape::{Node, Tape};
use candle_core::{Result, Tensor};
use rayon::prelude::*;

impl Tape {
    /// `x · Φ(x)`, elementwise.
    ///
    /// # Errors
    /// If the tensor cannot be read.
    pub fn gelu(&mut self, x: &Node) -> Result<Node> {
        if let Some(gpu) = Gpu::of(x.value()) {
            return self.gelu_on(gpu, x);
        }
        let value = {
            let x = buffer::read(x.value())?;
            let mut y = buffer::uninit(x.len());
            y.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK)).for_each(|(y, x)| forward(x, y));
            y
        };
        let value = Tensor::from_vec(value, x.value().shape(), x.value().device())?;
        let input = x.clone();
        Ok(self.record(value, &[x], move |mut grad, gradients| {
            {
                let x = buffer::read(input.value())?;
                let x = &*x;
                grad.update(|grad| {
                    grad.par_chunks_mut(CHUNK)
                        .zip(x.par_chunks(CHUNK))
                        .for_each(|(grad, x)| backward(x, grad));
                })?;
            }
            gradients.give(&input, grad)
        }))
    }
}

/// `exp(x)` for x ≤ 0, to about two units in the last place, in a form that vectorises.
#[inline(always)]
pub(super) fn exp_negative(x: f32) -> f32 {
    const ROUND: f32 = 12_582_912.0; // 1.5 · 2^23: adding and subtracting it rounds to the nearest integer
    let t = x.max(-87.0) * std::f32::consts::LOG2_E;
    let n = (t + ROUND) - ROUND;
    let f = (t - n) * std::f32::consts::LN_2;
    let p = 1.0
        + f * (1.0 + f * (0.5 + f * (1.0 / 6.0 + f * (1.0 / 24.0 + f * (1.0 / 120.0 + f * (1.0 / 720.0))))));
    // SAFETY: n is in [-126, 0]. (A saturating cast would prevent vectorisation of the loop.)
    let exponent = unsafe { n.to_int_unchecked::<i32>() } + 127;
    p * f32::from_bits((exponent << 23) as u32)
}

/// Φ(x) (Abramowitz and Stegun 7.1.26, error below 1.5e-7) and φ(x).
#[inline(always)]
fn normal(x: f32) -> (f32, f32) {
    let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let e = exp_negative(-z * z);
    let t = 1.0 / (1.0 + 0.327_591_1 * z);
    let series = 0.254_829_6 + t * (-0.284_496_74 + t * (1.421_413_7 + t * (-1.453_152_1 + t * 1.061_405_4)));
    let upper = 0.5 * t * series * e;
    (if x < 0.0 { upper } else { 1.0 - upper }, e * 0.398_942_3)
}

#[inline(always)]
unsafe fn forward_body<S: Simd>(x: &[f32], y: &mut [f32]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = x * normal(x).0;
    }
}
dispatch!(fn forward(x: &[f32], y: &mut [f32]) => forward_body);

#[inline(always)]
unsafe fn backward_body<S: Simd>(x: &[f32], grad: &mut [f32]) {
    for (grad, &x) in grad.iter_mut().zip(x) {
        let (cumulative, density) = normal(x);
        *grad *= cumulative + x * density;
    }
}
dispatch!(fn backward(x: &[f32], grad: &mut [f32]) => backward_body);
