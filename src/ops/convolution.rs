//! Convolutions of frozen networks, forward only. A task gathers the neighbourhoods of some pixels,
//! multiplies them with the filters and finishes the sums while all of that is in the cache.

use super::{
    buffer,
    gpu::Gpu,
    linear::{Matrix, product_here},
    simd::{Simd, dispatch},
};
use crate::tape::{Node, Tape};
use candle_core::{Result, Tensor};
use rayon::prelude::*;

/// What follows the sums of a convolution: `scale · sum + shift`, plus the `shortcut`, then optionally
/// `relu`.
pub struct Finish<'a> {
    /// One per output map.
    pub scale: Tensor,
    /// One per output map.
    pub shift: Tensor,
    /// Of the output's shape.
    pub shortcut: Option<&'a Node>,
    /// Whether negative numbers become 0.
    pub relu: bool,
}

/// Numbers that a task gathers, and its minimum of rows: packing the filters does not pay for few rows.
const GATHERED: usize = 1 << 18;
const ROWS: usize = 256;

impl Tape {
    /// `x` (N, H, W, C) convolved with `weight` (out, side, side, C) of odd side, with a stride of `stride`
    /// pixels and zero padding of half a side: (N, H', W', out).
    ///
    /// # Errors
    /// If the shapes do not fit, or `x` needs a gradient.
    pub fn convolution(
        &mut self,
        x: &Node,
        weight: &Tensor,
        stride: usize,
        finish: &Finish<'_>,
    ) -> Result<Node> {
        self.learns_nothing("convolution", x)?;
        let ((n, height, width, channels), (outs, side, across, ins)) = (x.value().dims4()?, weight.dims4()?);
        if channels != ins || side != across || side.is_multiple_of(2) {
            candle_core::bail!("convolution: maps {:?} meet filters {:?}", x.dims(), weight.dims());
        }
        let window = Window { height, width, channels, side, stride };
        let shape = [n, window.along(height), window.along(width), outs];
        let fits = finish.shortcut.is_none_or(|shortcut| shortcut.dims() == shape);
        if !fits || [finish.scale.elem_count(), finish.shift.elem_count()] != [outs; 2] {
            candle_core::bail!("convolution: the finish of {outs} maps has another shape");
        }
        if let Some(gpu) = Gpu::of(x.value()) {
            return self.convolution_on(&gpu, x, weight, window, shape, finish);
        }
        let (scale, shift) = (buffer::read(&finish.scale)?, buffer::read(&finish.shift)?);
        let (scale, shift) = (&*scale, &*shift);
        let (x, weight) = (buffer::read(x.value())?, buffer::read(weight)?);
        let (x, weight) = (&*x, &*weight);
        let shortcut = finish.shortcut.map(|shortcut| buffer::read(shortcut.value())).transpose()?;
        let shortcut: &[f32] = shortcut.as_deref().unwrap_or_default();
        let len = side * side * channels;
        let rows = (GATHERED / len).max(ROWS);
        let mut y = buffer::uninit(shape.iter().product());
        y.par_chunks_mut(rows * outs).enumerate().for_each_init(Vec::new, |gathered, (task, y)| {
            let (first, count) = (task * rows, y.len() / outs);
            let around = if window.is_a_pixel() {
                &x[first * channels..][..count * channels]
            } else {
                gathered.resize(count * len, 0.0);
                window.gather(x, first, gathered);
                gathered
            };
            let filters = Matrix::rows(weight, outs, len).transposed();
            product_here(y, false, Matrix::rows(around, count, len), filters);
            let shortcut = if shortcut.is_empty() { shortcut } else { &shortcut[first * outs..][..y.len()] };
            end(y, scale, shift, shortcut, finish.relu);
        });
        Ok(Node::constant(Tensor::from_vec(y, &shape[..], &candle_core::Device::Cpu)?))
    }

    /// 3×3 max pooling with stride 2: (N, H, W, C) to (N, H/2, W/2, C), halves rounded up.
    ///
    /// # Errors
    /// If `x` does not have four axes, or needs a gradient.
    pub fn max_pool(&mut self, x: &Node) -> Result<Node> {
        self.learns_nothing("max pool", x)?;
        let (n, height, width, channels) = x.value().dims4()?;
        let (rows, cols) = (height.div_ceil(2), width.div_ceil(2));
        if let Some(gpu) = Gpu::of(x.value()) {
            return gpu.max_pool(x.value(), (n, rows, cols, channels)).map(Node::constant);
        }
        let x = buffer::read(x.value())?;
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
        Ok(Node::constant(Tensor::from_vec(y, (n, rows, cols, channels), &candle_core::Device::Cpu)?))
    }

    /// Rejects an operation without a backward side where a gradient is needed.
    fn learns_nothing(&self, what: &str, x: &Node) -> Result<()> {
        match x.wants_gradient() {
            true => candle_core::bail!("{what}: there is no backward pass"),
            false => Ok(()),
        }
    }
}

/// Geometry of a filter sliding over images.
#[derive(Clone, Copy)]
pub(super) struct Window {
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) channels: usize,
    pub(super) side: usize,
    pub(super) stride: usize,
}

impl Window {
    /// Number of positions along an axis of `length` pixels.
    fn along(self, length: usize) -> usize {
        (length - 1) / self.stride + 1
    }

    /// Whether this is a 1×1 convolution with stride 1.
    pub(super) fn is_a_pixel(self) -> bool {
        self.side == 1 && self.stride == 1
    }

    /// The neighbourhoods at the positions from `first` on, one after the other: line, column, channel.
    fn gather(self, x: &[f32], first: usize, out: &mut [f32]) {
        let Self { height, width, channels, side, stride } = self;
        let (rows, cols) = (self.along(height), self.along(width));
        let margin = side / 2;
        for (place, out) in out.chunks_exact_mut(side * side * channels).enumerate() {
            let place = first + place;
            let (image, row, col) = (place / (rows * cols), place / cols % rows, place % cols);
            // Columns of the filter that are inside the image.
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
