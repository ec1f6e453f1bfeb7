//! Convolutions of networks that nothing is learned from, so there is no backward side. A task gathers the neighbourhoods
//! of some pixels, multiplies them with the filters and finishes the sums while all of that is in the cache.

use super::{
    buffer,
    linear::{Matrix, product_here},
    simd::{Simd, dispatch},
};
use candle_core::{Result, Tensor};
use rayon::prelude::*;

/// What becomes of the sums of a convolution: `scale · sum + shift`, plus the `shortcut`, at least 0 behind a `relu`.
pub struct Finish<'a> {
    /// One for each output map.
    pub scale: Vec<f32>,
    /// One for each output map.
    pub shift: Vec<f32>,
    /// Of the output's shape.
    pub shortcut: Option<&'a Tensor>,
    /// Whether negative numbers become 0.
    pub relu: bool,
}

/// Numbers that a task gathers, and the fewest rows that they make: few rows do not pay for packing the filters.
const GATHERED: usize = 1 << 18;
const ROWS: usize = 256;

/// `x` (N, H, W, C) under the filters `weight` (out, side, side, C) of odd side, which go `stride` pixels at a time over
/// the image and half a side beyond its edges, where it is 0: (N, H', W', out).
///
/// # Errors
/// If the shapes do not fit.
pub fn convolution(x: &Tensor, weight: &Tensor, stride: usize, finish: &Finish<'_>) -> Result<Tensor> {
    let ((n, height, width, channels), (outs, side, across, ins)) = (x.dims4()?, weight.dims4()?);
    if channels != ins || side != across || side.is_multiple_of(2) {
        candle_core::bail!("convolution: maps {:?} meet filters {:?}", x.dims(), weight.dims());
    }
    let window = Window { height, width, channels, side, stride };
    let shape = [n, window.along(height), window.along(width), outs];
    let (scale, shift) = (&finish.scale, &finish.shift);
    let fits = finish.shortcut.is_none_or(|shortcut| shortcut.dims() == shape);
    if !fits || scale.len() != outs || shift.len() != outs {
        candle_core::bail!("convolution: the finish of {outs} maps has another shape");
    }
    let (x, weight) = (buffer::read(x)?, buffer::read(weight)?);
    let (x, weight) = (&*x, &*weight);
    let shortcut = finish.shortcut.map(buffer::read).transpose()?;
    let shortcut: &[f32] = shortcut.as_deref().unwrap_or_default();
    let len = side * side * channels;
    let rows = (GATHERED / len).max(ROWS);
    let mut y = buffer::uninit(shape.iter().product());
    y.par_chunks_mut(rows * outs).enumerate().for_each_init(Vec::new, |gathered, (task, y)| {
        let (first, count) = (task * rows, y.len() / outs);
        let around = if side == 1 && stride == 1 {
            &x[first * channels..][..count * channels]
        } else {
            gathered.resize(count * len, 0.0);
            window.gather(x, first, gathered);
            gathered
        };
        let filters = Matrix::rows(weight, outs, len).transposed();
        product_here(y, Matrix::rows(around, count, len), filters);
        let shortcut = if shortcut.is_empty() { shortcut } else { &shortcut[first * outs..][..y.len()] };
        end(y, scale, shift, shortcut, finish.relu);
    });
    Tensor::from_vec(y, &shape[..], &candle_core::Device::Cpu)
}

/// The largest of each pixel and its eight neighbours, for every other pixel along both axes: (N, H, W, C) to
/// (N, H/2, W/2, C), halves rounded up.
///
/// # Errors
/// If `x` has not four axes.
pub fn max_pool(x: &Tensor) -> Result<Tensor> {
    let (n, height, width, channels) = x.dims4()?;
    let (rows, cols) = (height.div_ceil(2), width.div_ceil(2));
    let x = buffer::read(x)?;
    let x = &*x;
    let mut y = vec![f32::NEG_INFINITY; n * rows * cols * channels];
    y.par_chunks_mut(cols * channels).enumerate().for_each(|(task, y)| {
        let (image, row) = (task / rows, 2 * (task % rows));
        for line in row.saturating_sub(1)..(row + 2).min(height) {
            let x = &x[(image * height + line) * width * channels..][..width * channels];
            for (col, y) in y.chunks_exact_mut(channels).enumerate() {
                let near = (2 * col).saturating_sub(1)..(2 * col + 2).min(width);
                for x in x[near.start * channels..near.end * channels].chunks_exact(channels) {
                    y.iter_mut().zip(x).for_each(|(y, x)| *y = y.max(*x));
                }
            }
        }
    });
    Tensor::from_vec(y, (n, rows, cols, channels), &candle_core::Device::Cpu)
}

/// A filter's way over images.
#[derive(Clone, Copy)]
struct Window {
    height: usize,
    width: usize,
    channels: usize,
    side: usize,
    stride: usize,
}

impl Window {
    /// Places along an axis of so many pixels.
    fn along(self, length: usize) -> usize {
        (length - 1) / self.stride + 1
    }

    /// The neighbourhoods at the places from `first` on, one after the other: line, column, channel.
    fn gather(self, x: &[f32], first: usize, out: &mut [f32]) {
        let Self { height, width, channels, side, stride } = self;
        let (rows, cols) = (self.along(height), self.along(width));
        let margin = side / 2;
        for (place, out) in out.chunks_exact_mut(side * side * channels).enumerate() {
            let place = first + place;
            let (image, row, col) = (place / (rows * cols), place / cols % rows, place % cols);
            // Columns of the filter that lie on the image.
            let from = margin.saturating_sub(col * stride);
            let to = side.min(width + margin - col * stride);
            let start = col * stride + from - margin;
            for (line, out) in out.chunks_exact_mut(side * channels).enumerate() {
                let line = (row * stride + line).checked_sub(margin).filter(|line| *line < height);
                let Some(line) = line else {
                    out.fill(0.0);
                    continue;
                };
                let source = ((image * height + line) * width + start) * channels;
                out[..from * channels].fill(0.0);
                out[from * channels..to * channels].copy_from_slice(&x[source..][..(to - from) * channels]);
                out[to * channels..].fill(0.0);
            }
        }
    }
}

#[inline(always)]
unsafe fn end_body<S: Simd>(y: &mut [f32], scale: &[f32], shift: &[f32], shortcut: &[f32], relu: bool) {
    let least = if relu { 0.0 } else { f32::NEG_INFINITY };
    let maps = scale.len();
    for (row, y) in y.chunks_exact_mut(maps).enumerate() {
        let affine = y.iter_mut().zip(scale).zip(shift);
        if shortcut.is_empty() {
            affine.for_each(|((y, scale), shift)| *y = (*y * scale + shift).max(least));
        } else {
            let shortcut = &shortcut[row * maps..][..maps];
            for (((y, scale), shift), shortcut) in affine.zip(shortcut) {
                *y = (*y * scale + shift + shortcut).max(least);
            }
        }
    }
}
dispatch!(fn end(y: &mut [f32], scale: &[f32], shift: &[f32], shortcut: &[f32], relu: bool) => end_body);
