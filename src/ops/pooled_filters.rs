//! Filters of several channels, weighted and arranged so that one linear map filters and pools them.

use super::{buffer, gpu::Gpu};
use crate::tape::{Node, Tape};
use candle_core::{Device, Result, Tensor};

impl Tape {
    /// A linear map (T·C, K) from neighbourhoods of T positions and C channels to the weighted sum over
    /// channels of the channels' K filters. `filters` is (C, K·T); the channels' weights are the softmax of
    /// `logits` (C), or 1/C each.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn pooled_filters(&mut self, filters: &Node, logits: Option<&Node>, taps: usize) -> Result<Node> {
        let (channels, len) = filters.value().dims2()?;
        if let Some(logits) = logits.filter(|logits| logits.value().elem_count() != channels) {
            candle_core::bail!("{channels} channels meet weights {:?}", logits.dims());
        }
        if let Some(gpu) = Gpu::of(filters.value()) {
            return self.pooled_filters_on(gpu, filters, logits, taps);
        }
        let kernels = len / taps;
        let weights = match logits {
            Some(logits) => softmax(&buffer::read(logits.value())?),
            None => vec![1.0 / channels as f32; channels],
        };
        // Index of (channel, kernel, tap) in the output, whose order is tap, channel, kernel.
        let place = move |channel, kernel, tap| (tap * channels + channel) * kernels + kernel;
        let mut value = vec![0f32; channels * len];
        {
            let filters = buffer::read(filters.value())?;
            for (at, filter) in filters.iter().enumerate() {
                let (channel, kernel, tap) = (at / len, at % len / taps, at % taps);
                value[place(channel, kernel, tap)] = weights[channel] * filter;
            }
        }
        let value = Tensor::from_vec(value, (taps * channels, kernels), &Device::Cpu)?;
        let (bank, logits) = (filters.clone(), logits.cloned());
        let inputs: Vec<&Node> = [filters].into_iter().chain(&logits).collect();
        let (recorded_bank, recorded_logits) = (bank, logits.clone());
        Ok(self.record(value, &inputs, move |grad, gradients| {
            let grad = buffer::read(grad.tensor())?;
            let of = |at: usize| grad[place(at / len, at % len / taps, at % taps)];
            gradients.contribute(&recorded_bank, |dx, add| {
                for (at, dx) in dx.iter_mut().enumerate() {
                    let slope = weights[at / len] * of(at);
                    *dx = if add { *dx + slope } else { slope };
                }
            })?;
            let Some(logits) = &recorded_logits else { return Ok(()) };
            let filters = buffer::read(recorded_bank.value())?;
            let slopes: Vec<f32> = (0..channels)
                .map(|channel| (channel * len..(channel + 1) * len).map(|at| filters[at] * of(at)).sum())
                .collect();
            let mean: f32 = slopes.iter().zip(&weights).map(|(slope, weight)| slope * weight).sum();
            gradients.contribute(logits, |dx, add| {
                for (channel, dx) in dx.iter_mut().enumerate() {
                    let slope = weights[channel] * (slopes[channel] - mean);
                    *dx = if add { *dx + slope } else { slope };
                }
            })
        }))
    }
}

fn softmax(logits: &[f32]) -> Vec<f32> {
    let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f64> = logits.iter().map(|logit| f64::from(logit - top).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| (power / sum) as f32).collect()
}
