//! Non-overlapping image patches: a convolution whose stride equals its kernel's side is this and a linear
//! map. Sides that the patch does not divide are floored, as in convolutions.

use super::buffer::{self, Disjoint};
use super::gpu::Gpu;
use crate::tape::{Node, Tape};
use candle_core::{Result, Tensor};
use rayon::prelude::*;

impl Tape {
    /// (N, H, W, C) to (N, H/p, W/p, p·p·C): row, column, channel inside a patch.
    ///
    /// # Errors
    /// If `x` does not have four axes.
    pub fn patches(&mut self, x: &Node, side: usize) -> Result<Node> {
        if let Some(gpu) = Gpu::of(x.value()) {
            return self.patches_on(gpu, x, side);
        }
        let (n, height, width, channels) = x.value().dims4()?;
        let cut = Cut { n, height, width, channels, side };
        let value = {
            let x = buffer::read(x.value())?;
            let mut y = buffer::uninit(n * cut.rows() * cut.cols() * side * side * channels);
            let out = Disjoint::new(&mut y);
            cut.for_each(|image, patch| {
                // SAFETY: each row of a patch is written once.
                unsafe {
                    std::ptr::copy_nonoverlapping(x.as_ptr().add(image), out.at(patch), side * channels);
                }
            });
            y
        };
        let shape = (n, cut.rows(), cut.cols(), side * side * channels);
        let value = Tensor::from_vec(value, shape, x.value().device())?;
        let input = x.clone();
        Ok(self.record(value, &[x], move |grad, gradients| {
            let grad = buffer::read(grad.tensor())?;
            gradients.contribute(&input, |dx, add| {
                let floored = cut.rows() * side != cut.height || cut.cols() * side != cut.width;
                if !add && floored {
                    dx.fill(0.0);
                }
                let out = Disjoint::new(dx);
                cut.for_each(|image, patch| {
                    let grad = &grad[patch..patch + side * channels];
                    // SAFETY: each pixel is in one patch.
                    let dx = unsafe { std::slice::from_raw_parts_mut(out.at(image), side * channels) };
                    if add {
                        dx.iter_mut().zip(grad).for_each(|(dx, grad)| *dx += grad);
                    } else {
                        dx.copy_from_slice(grad);
                    }
                });
            })
        }))
    }

    /// Patches of planar images (N, C, H, W): (N, H/p, W/p, C·p·p), channel, row, column inside a patch.
    /// Images need no gradient, so this is forward only.
    ///
    /// # Errors
    /// If `images` does not have four axes.
    pub fn planar_patches(&mut self, images: &Tensor, side: usize) -> Result<Node> {
        if let Some(gpu) = Gpu::of(images) {
            return self.planar_patches_on(&gpu, images, side);
        }
        let (n, channels, height, width) = images.dims4()?;
        let (rows, cols) = (height / side, width / side);
        let x = buffer::read(images)?;
        let x = &*x;
        let len = channels * side * side;
        let mut y = buffer::uninit(n * rows * cols * len);
        y.par_chunks_mut(cols * len).enumerate().for_each(|(task, y)| {
            let (image, row) = (task / rows, task % rows);
            for (col, patch) in y.chunks_exact_mut(len).enumerate() {
                for (line, patch) in patch.chunks_exact_mut(side).enumerate() {
                    let (channel, line) = (line / side, line % side);
                    let from =
                        ((image * channels + channel) * height + row * side + line) * width + col * side;
                    patch.copy_from_slice(&x[from..from + side]);
                }
            }
        });
        Ok(Node::constant(Tensor::from_vec(y, (n, rows, cols, len), images.device())?))
    }
}

#[derive(Clone, Copy)]
struct Cut {
    n: usize,
    height: usize,
    width: usize,
    channels: usize,
    side: usize,
}

impl Cut {
    fn rows(self) -> usize {
        self.height / self.side
    }

    fn cols(self) -> usize {
        self.width / self.side
    }

    /// Visits each row of each patch with its offsets in the image and in the patches.
    fn for_each(self, visit: impl Fn(usize, usize) + Sync) {
        let Self { height, width, channels, side, .. } = self;
        let (rows, cols) = (self.rows(), self.cols());
        (0..self.n * rows).into_par_iter().for_each(|task| {
            let (image, row) = (task / rows, task % rows);
            for col in 0..cols {
                for line in 0..side {
                    let from = ((image * height + row * side + line) * width + col * side) * channels;
                    let to = ((task * cols + col) * side + line) * side * channels;
                    visit(from, to);
                }
            }
        });
    }
}
