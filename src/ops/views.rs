//! Views of stored images, made on a GPU. They get there in two steps, so that whoever reads images also sends them, and
//! whoever trains finds them there.

use super::{buffer, gpu::Gpu};
use candle_core::{Device, Result, Tensor};

/// Whole numbers that say what a view is, in the order of `gpu/kernels/views.cu`.
pub const VIEW_LINE: usize = 16;

/// Views of images of one set, all of the same size, in plain numbers.
#[derive(Debug, Default)]
pub struct PlainViews {
    /// Channels of each image.
    pub channels: usize,
    /// Side of each view, in pixels.
    pub side: usize,
    /// Grey levels of all images that are bytes; else of all, in `floats`.
    pub bytes: Vec<u8>,
    /// Grey levels of all images, where not all are bytes.
    pub floats: Vec<f32>,
    /// [`VIEW_LINE`] numbers for each view.
    pub lines: Vec<i64>,
    /// First source rows, and columns, of output pixels.
    pub firsts: Vec<u32>,
    /// Weights of these, terms of warps, factors of brightness.
    pub weights: Vec<f32>,
    /// Mean and deviation of each channel.
    pub norm: Vec<f32>,
    /// Numbers in all warped images together.
    pub warped: usize,
}

impl PlainViews {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.lines.len() / VIEW_LINE
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Numbers in them.
    pub fn numbers(&self) -> usize {
        self.len() * self.channels * self.side * self.side
    }
}

/// Stored images where views are made of them, and what the views are.
pub struct Sent {
    /// Views, channels, side.
    pub(super) shape: [usize; 3],
    /// Grey levels, as bytes or as floats.
    pub(super) grey: [Option<Tensor>; 2],
    pub(super) lines: Tensor,
    pub(super) firsts: Tensor,
    pub(super) weights: Tensor,
    pub(super) norm: Tensor,
    pub(super) warped: usize,
}

impl Sent {
    /// Sends them to a device; on a GPU, they arrive before anything that is asked for later.
    ///
    /// # Errors
    /// If there is no room for them.
    pub fn to(device: &Device, views: &PlainViews) -> Result<Self> {
        let PlainViews { channels, side, bytes, floats, lines, firsts, weights, norm, warped } = views;
        let grey = match floats.is_empty() {
            true => [Some(buffer::send(bytes, device)?), None],
            false => [None, Some(buffer::send(floats, device)?)],
        };
        Ok(Self {
            shape: [views.len(), *channels, *side],
            grey,
            lines: buffer::send(lines, device)?,
            firsts: buffer::send(firsts, device)?,
            weights: buffer::send(weights, device)?,
            norm: buffer::send(norm, device)?,
            warped: *warped,
        })
    }

    /// Numbers in the views.
    pub fn numbers(&self) -> usize {
        let [views, channels, side] = self.shape;
        views * channels * side * side
    }

    /// (views, channels, side, side), normalised.
    ///
    /// # Errors
    /// If they lie on no GPU, or it has no room for them.
    pub fn views(&self) -> Result<Tensor> {
        match Gpu::of(&self.lines) {
            Some(gpu) => gpu.views(self),
            None => candle_core::bail!("views are made of plain numbers on a GPU only"),
        }
    }
}
