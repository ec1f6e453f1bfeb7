//! Instance normalisation: each channel of each image over its own pixels.

use super::{
    buffer,
    gpu::Gpu,
    linear::{set_or_add, total},
};
use crate::tape::{Node, Tape};
use candle_core::{Result, Tensor};
use rayon::prelude::*;

impl Tape {
    /// `x` (N, H, W, C), each channel of each image normalised to mean 0 and variance 1 over its pixels, then
    /// times `scale` (C) plus `shift` (C).
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn instance_norm(&mut self, x: &Node, scale: &Node, shift: &Node, eps: f32) -> Result<Node> {
        let (_, height, width, channels) = x.value().dims4()?;
        let len = height * width * channels;
        if scale.dims() != [channels] || shift.dims() != [channels] {
            candle_core::bail!("instance norm: {channels} channels meet scales {:?}", scale.dims());
        }
        if let Some(gpu) = Gpu::of(x.value()) {
            return self.instance_norm_on(gpu, x, scale, shift, eps);
        }
        let (value, moments) = {
            let (x, scale, shift) =
                (buffer::read(x.value())?, buffer::read(scale.value())?, buffer::read(shift.value())?);
            let (scale, shift) = (&*scale, &*shift);
            let mut y = buffer::uninit(x.len());
            let moments: Vec<Moments> = y
                .par_chunks_mut(len)
                .zip(x.par_chunks(len))
                .map(|(y, x)| {
                    let moments = Moments::of(x, channels, eps);
                    for (y, x) in y.chunks_exact_mut(channels).zip(x.chunks_exact(channels)) {
                        for c in 0..channels {
                            y[c] = (x[c] - moments.mean[c]) * moments.inverse[c] * scale[c] + shift[c];
                        }
                    }
                    moments
                })
                .collect();
            (y, moments)
        };
        let value = Tensor::from_vec(value, x.value().shape(), x.value().device())?;
        let (input, factor, offset) = (x.clone(), scale.clone(), shift.clone());
        Ok(self.record(value, &[x, scale, shift], move |grad, gradients| {
            let (x, grad) = (buffer::read(input.value())?, buffer::read(grad.tensor())?);
            let (x, grad) = (&*x, &*grad);
            // For each image, Σ grad · x̂ and Σ grad of each channel.
            let sums: Vec<Vec<f32>> = x
                .par_chunks(len)
                .zip(grad.par_chunks(len))
                .zip(&moments)
                .map(|((x, grad), moments)| moments.sums(x, grad, channels))
                .collect();
            {
                let scale = buffer::read(factor.value())?;
                let scale = &*scale;
                let pixels = (height * width) as f32;
                gradients.contribute(&input, |dx, add| {
                    let images = dx.par_chunks_mut(len).zip(x.par_chunks(len)).zip(grad.par_chunks(len));
                    images.zip(&moments).zip(&sums).for_each(|((((dx, x), grad), moments), sums)| {
                        let (along, total) = sums.split_at(channels);
                        let lines = dx.chunks_exact_mut(channels).zip(x.chunks_exact(channels));
                        for ((dx, x), grad) in lines.zip(grad.chunks_exact(channels)) {
                            for c in 0..channels {
                                let unit = (x[c] - moments.mean[c]) * moments.inverse[c];
                                let centred = grad[c] - (total[c] + unit * along[c]) / pixels;
                                let slope = scale[c] * moments.inverse[c] * centred;
                                dx[c] = if add { dx[c] + slope } else { slope };
                            }
                        }
                    });
                })?;
            }
            let sums = total(sums, 2 * channels);
            gradients.contribute(&factor, |dx, add| set_or_add(dx, &sums[..channels], add))?;
            gradients.contribute(&offset, |dx, add| set_or_add(dx, &sums[channels..], add))
        }))
    }
}

/// Mean and inverse standard deviation of each channel of one image.
struct Moments {
    mean: Vec<f32>,
    inverse: Vec<f32>,
}

impl Moments {
    fn of(x: &[f32], channels: usize, eps: f32) -> Self {
        let pixels = (x.len() / channels) as f64;
        let sum = |of: &dyn Fn(usize, f32) -> f64| {
            let mut sums = vec![0f64; channels];
            for x in x.chunks_exact(channels) {
                sums.iter_mut().zip(x).enumerate().for_each(|(c, (sum, x))| *sum += of(c, *x));
            }
            sums
        };
        let mean: Vec<f64> = sum(&|_, x| f64::from(x)).into_iter().map(|sum| sum / pixels).collect();
        let square = sum(&|c, x| (f64::from(x) - mean[c]).powi(2));
        let inverse = square.into_iter().map(|sum| (sum / pixels + f64::from(eps)).sqrt().recip() as f32);
        Self { inverse: inverse.collect(), mean: mean.into_iter().map(|mean| mean as f32).collect() }
    }

    /// Σ grad · x̂, then Σ grad, of each channel.
    fn sums(&self, x: &[f32], grad: &[f32], channels: usize) -> Vec<f32> {
        let mut sums = vec![0f64; 2 * channels];
        for (x, grad) in x.chunks_exact(channels).zip(grad.chunks_exact(channels)) {
            for c in 0..channels {
                sums[c] += f64::from(grad[c] * (x[c] - self.mean[c]) * self.inverse[c]);
                sums[channels + c] += f64::from(grad[c]);
            }
        }
        sums.into_iter().map(|sum| sum as f32).collect()
    }
}
