//! Augmented views of stored images, computed on a GPU. Transfer and computation are separate steps, so that
//! the loader thread sends them and the training thread finds them on the GPU.

use super::{buffer, gpu::Gpu};
use candle_core::{Device, Result, Tensor};

/// Integers that describe a view, in the order of `gpu/kernels/views.cu`.
pub const VIEW_LINE: usize = 17;

/// Views of images of one set, all of the same size, as plain numbers.
#[derive(Debug, Default)]
pub struct PlainViews {
    /// Channels of each image.
    pub channels: usize,
    /// Side of each view, in pixels.
    pub side: usize,
    /// Grey levels of all images if all are bytes; otherwise empty, and all are in `floats`.
    pub bytes: Vec<u8>,
    /// Grey levels of all images, unless all are bytes.
    pub floats: Vec<f32>,
    /// [`VIEW_LINE`] integers per view.
    pub lines: Vec<i64>,
    /// First source rows, and columns, of output pixels.
    pub firsts: Vec<u32>,
    /// Weights of these, coefficients of warps, factors of brightness, shifts and exponents of intensity.
    pub weights: Vec<f32>,
    /// Mean and deviation of each channel of each view.
    pub norm: Vec<f32>,
    /// Size of all warped images together, in numbers.
    pub warped: usize,
}

impl PlainViews {
    /// The number of views.
    pub fn len(&self) -> usize {
        self.lines.len() / VIEW_LINE
    }

    /// Whether there are no views.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The number of values in the views.
    pub fn numbers(&self) -> usize {
        self.len() * self.channels * self.side * self.side
    }
}

/// Stored images on the device that computes the views, and their description.
pub struct DeviceViews {
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

impl DeviceViews {
    /// Sends them to a device; on a GPU, they arrive before anything launched later.
    ///
    /// # Errors
    /// If there is not enough memory.
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

    /// The number of values in the views.
    pub fn numbers(&self) -> usize {
        let [views, channels, side] = self.shape;
        views * channels * side * side
    }

    /// (views, channels, side, side), normalised.
    ///
    /// # Errors
    /// If they are not on a GPU, or it lacks memory.
    pub fn views(&self) -> Result<Tensor> {
        match Gpu::of(&self.lines) {
            Some(gpu) => gpu.views(self),
            None => candle_core::bail!("views are computed from plain numbers on a GPU only"),
        }
    }
}
