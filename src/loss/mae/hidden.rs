//! Which patches of images are hidden, drawn at random.

use crate::{ops::Places, seed::Stream};
use candle_core::{Result, Tensor};

/// Images, of which some patches are visible and the others hidden.
#[derive(Clone, Debug)]
pub struct Hidden {
    /// The visible patches of each image, in the order of their draws.
    pub visible: Places,
    /// The images (N, C, H, W), as their patches enter the network.
    pub pixels: Tensor,
}

impl Hidden {
    /// Patches of each of `images` images with `patches` patches, of which `kept` stay visible: those with the smallest of
    /// independent uniform draws. Each image has its own stream.
    ///
    /// # Errors
    /// If none would be visible.
    pub fn places(
        images: usize,
        patches: usize,
        kept: usize,
        stream: impl Fn(usize) -> Stream,
    ) -> Result<Places> {
        let one = |image: usize| {
            let mut stream = stream(image);
            let noise: Vec<f64> = (0..patches).map(|_| stream.uniform(0.0, 1.0)).collect();
            smallest(&noise, kept)
        };
        Places::new((0..images).flat_map(one).collect(), kept, patches)
    }

    /// The rows and columns of patches.
    pub(super) fn grid(&self, patch: usize) -> Result<[usize; 2]> {
        let (_, _, height, width) = self.pixels.dims4()?;
        Ok([height / patch, width / patch])
    }
}

/// The indices of the `count` smallest numbers, smallest first; of equal ones the first.
pub(super) fn smallest(noise: &[f64], count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..noise.len()).collect();
    order.sort_by(|a, b| noise[*a].total_cmp(&noise[*b]));
    order.truncate(count);
    order
}
