//! Views of stored images, made of plain numbers.

use super::gpu::Gpu;
use crate::data::Views;
use candle_core::{Device, Result, Tensor};

/// (views, channels, side, side), normalised. On the CPU they are made from the images themselves.
///
/// # Errors
/// If the device is no GPU, or has no room for them.
pub fn views(views: &Views, device: &Device) -> Result<Tensor> {
    match Gpu::at(device) {
        Some(gpu) => gpu.views(views),
        None => candle_core::bail!("views are made of plain numbers on a GPU only"),
    }
}
