//! MIRO's variance penalty: negative log-likelihood of features under a Gaussian around other features, with
//! one variance per channel.

use super::{
    buffer,
    gpu::Gpu,
    linear::{set_or_add, total},
};
use crate::tape::{Node, Tape};
use candle_core::{Device, Result, Tensor};
use rayon::prelude::*;

/// Rows per task; fixed, so that sums do not depend on threads.
const ROWS: usize = 256;

/// Added to variances (MIRO's authors).
pub const LEAST_VARIANCE: f64 = 1e-5;

impl Tape {
    /// Half the mean over all elements of `(x - around)² / v + ln v`, where `v = softplus(raw) + 1e-5` for
    /// each channel of `x` (…, C). `around` needs no gradient.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn variance_penalty(&mut self, x: &Node, around: &Tensor, raw: &Node) -> Result<Node> {
        let channels = x.dims().last().copied().unwrap_or(0);
        if x.dims() != around.dims() || raw.dims() != [channels] {
            candle_core::bail!(
                "variance penalty: {:?} meets {:?} and variances {:?}",
                x.dims(),
                around.dims(),
                raw.dims()
            );
        }
        if let Some(gpu) = Gpu::of(x.value()) {
            return self.variance_penalty_on(gpu, x, around, raw);
        }
        let count = x.value().elem_count();
        // Σ (x - around)² of each channel.
        let squares: Vec<f64> = {
            let (x, around) = (buffer::read(x.value())?, buffer::read(around)?);
            let part = ROWS * channels;
            let parts: Vec<Vec<f32>> = x
                .par_chunks(part)
                .zip(around.par_chunks(part))
                .map(|(x, around)| {
                    let mut sums = vec![0f32; channels];
                    for (x, around) in x.chunks_exact(channels).zip(around.chunks_exact(channels)) {
                        for c in 0..channels {
                            sums[c] += (x[c] - around[c]) * (x[c] - around[c]);
                        }
                    }
                    sums
                })
                .collect();
            total(parts, channels).into_iter().map(f64::from).collect()
        };
        let raws: Vec<f64> = buffer::read(raw.value())?.iter().copied().map(f64::from).collect();
        let variances: Vec<f64> = raws.iter().map(|&raw| softplus(raw) + LEAST_VARIANCE).collect();
        let each = (count / channels.max(1)) as f64;
        let sum: f64 = squares.iter().zip(&variances).map(|(s, v)| s / v + each * libm::log(*v)).sum();
        let value = Tensor::from_vec(vec![(0.5 * sum / count as f64) as f32], 1, &Device::Cpu)?;
        let inputs = (x.clone(), around.clone(), raw.clone());
        Ok(self.record(value, &[x, raw], move |grad, gradients| {
            let (input, around, raw) = inputs;
            let slope = f64::from(buffer::read(grad.tensor())?[0]) / count as f64;
            {
                let factors: Vec<f32> = variances.iter().map(|v| (slope / v) as f32).collect();
                let (x, around) = (buffer::read(input.value())?, buffer::read(&around)?);
                let (x, around) = (&*x, &*around);
                let part = ROWS * channels;
                gradients.contribute(&input, |dx, add| {
                    let parts = dx.par_chunks_mut(part).zip(x.par_chunks(part)).zip(around.par_chunks(part));
                    parts.for_each(|((dx, x), around)| {
                        for (at, dx) in dx.iter_mut().enumerate() {
                            let slope = factors[at % channels] * (x[at] - around[at]);
                            *dx = if add { *dx + slope } else { slope };
                        }
                    });
                })?;
            }
            let slopes: Vec<f32> = (0..channels)
                .map(|c| {
                    let v = variances[c];
                    let of_variance = 0.5 * slope * (each / v - squares[c] / (v * v));
                    (of_variance / (1.0 + libm::exp(-raws[c]))) as f32
                })
                .collect();
            gradients.contribute(&raw, |dx, add| set_or_add(dx, &slopes, add))
        }))
    }
}

/// Softplus: ln(1 + eˣ), and x where the two are equal (PyTorch: above 20).
fn softplus(x: f64) -> f64 {
    if x > 20.0 { x } else { libm::log1p(libm::exp(x)) }
}

/// The inverse of softplus: the raw number whose variance is `v`.
pub fn raw_of_variance(v: f64) -> f64 {
    libm::log(libm::expm1(v - LEAST_VARIANCE))
}
