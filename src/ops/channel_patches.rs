//! Per-channel convolution whose stride equals its kernel's side: the first step of Depthwise.

use super::{
    buffer,
    gpu::Gpu,
    linear::{set_or_add, total},
};
use crate::tape::{Node, Tape};
use candle_core::{Result, Tensor};
use rayon::prelude::*;

impl Tape {
    /// Planar images (N, C, H, W) to (N, H/s, W/s, C): each patch of a channel times the channel's row of `weight`
    /// (C, s·s), plus `bias` (C). Sides that `side` does not divide are floored. Images need no gradient.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn channel_patches(
        &mut self,
        images: &Tensor,
        weight: &Node,
        bias: &Node,
        side: usize,
    ) -> Result<Node> {
        let (n, channels, height, width) = images.dims4()?;
        let area = side * side;
        if weight.dims() != [channels, area] || bias.dims() != [channels] {
            candle_core::bail!(
                "channel patches: {channels} channels meet weights {:?} and biases {:?}",
                weight.dims(),
                bias.dims()
            );
        }
        if let Some(gpu) = Gpu::of(images) {
            return self.channel_patches_on(gpu, images, weight, bias, side);
        }
        let (rows, cols) = (height / side, width / side);
        let cut = Cut { channels, height, width, side };
        let value = {
            let (x, w, b) =
                (buffer::read(images)?, buffer::read(weight.value())?, buffer::read(bias.value())?);
            let (x, w, b) = (&*x, &*w, &*b);
            let mut y = buffer::uninit(n * rows * cols * channels);
            y.par_chunks_mut(cols * channels).enumerate().for_each(|(task, y)| {
                let (image, row) = (task / rows, task % rows);
                for (col, y) in y.chunks_exact_mut(channels).enumerate() {
                    for (channel, y) in y.iter_mut().enumerate() {
                        let mut sum = b[channel];
                        for line in 0..side {
                            let pixels = &x[cut.at(image, channel, row, col, line)..][..side];
                            let taps = &w[channel * area + line * side..][..side];
                            for (pixel, tap) in pixels.iter().zip(taps) {
                                sum += pixel * tap;
                            }
                        }
                        *y = sum;
                    }
                }
            });
            y
        };
        let value = Tensor::from_vec(value, (n, rows, cols, channels), images.device())?;
        let (images, matrix, offset) = (images.clone(), weight.clone(), bias.clone());
        Ok(self.record(value, &[weight, bias], move |grad, gradients| {
            let (x, grad) = (buffer::read(&images)?, buffer::read(grad.tensor())?);
            let (x, grad) = (&*x, &*grad);
            // One part per image, so that sums do not depend on threads.
            let parts: Vec<Vec<f32>> = grad
                .par_chunks(rows * cols * channels)
                .enumerate()
                .map(|(image, grad)| {
                    let mut sums = vec![0f32; channels * (area + 1)];
                    let (taps, offsets) = sums.split_at_mut(channels * area);
                    for (at, grad) in grad.chunks_exact(channels).enumerate() {
                        let (row, col) = (at / cols, at % cols);
                        for (channel, grad) in grad.iter().enumerate() {
                            offsets[channel] += grad;
                            for line in 0..side {
                                let pixels = &x[cut.at(image, channel, row, col, line)..][..side];
                                let taps = &mut taps[channel * area + line * side..][..side];
                                taps.iter_mut().zip(pixels).for_each(|(tap, pixel)| *tap += grad * pixel);
                            }
                        }
                    }
                    sums
                })
                .collect();
            let sums = total(parts, channels * (area + 1));
            let (taps, offsets) = sums.split_at(channels * area);
            gradients.contribute(&matrix, |dw, add| set_or_add(dw, taps, add))?;
            gradients.contribute(&offset, |db, add| set_or_add(db, offsets, add))
        }))
    }
}

/// Offsets of pixels in planar images.
#[derive(Clone, Copy)]
struct Cut {
    channels: usize,
    height: usize,
    width: usize,
    side: usize,
}

impl Cut {
    /// The first pixel of a line of a patch.
    fn at(self, image: usize, channel: usize, row: usize, col: usize, line: usize) -> usize {
        ((image * self.channels + channel) * self.height + row * self.side + line) * self.width
            + col * self.side
    }
}
