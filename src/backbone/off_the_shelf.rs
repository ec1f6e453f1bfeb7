//! Pretrained RGB networks that are used as published: each channel passes as a grey image.

use super::{Backbone, Side};
use crate::{
    params::Params,
    pass::{Entered, Outputs, Pass},
    tape::Node,
};
use candle_core::{Result, Tensor};

/// Pixels of RGB images in one forward pass: forty images of 224 px.
const PIXELS_AT_ONCE: usize = 1 << 21;

/// A network for RGB images. It is never trained, so nothing is recorded.
pub trait OffTheShelf: Send + Sync {
    /// Maps RGB images (N, 3, H, W) with values in [0, 1] to features (N, width).
    ///
    /// # Errors
    /// If the shape is different.
    fn features(&self, params: &Params, images: &Tensor) -> Result<Tensor>;

    /// Length of a feature vector.
    fn width(&self) -> usize;
}

impl<N: OffTheShelf> Backbone for N {
    /// A few images at a time, because their maps are large. Refuses a recording tape.
    fn run(&self, pass: &mut Pass<'_>, x: Entered) -> Result<Outputs> {
        if pass.tape.is_recording() {
            candle_core::bail!("a backbone off the shelf is not trained");
        }
        let Entered::Grey(grey) = x else {
            candle_core::bail!("a backbone off the shelf takes channels as they are, found feature maps")
        };
        let (n, channels, height, width) = grey.dims4()?;
        let together = (PIXELS_AT_ONCE / (height * width * channels)).max(1);
        let features = (0..n).step_by(together).map(|first| {
            let few = grey.narrow(0, first, together.min(n - first))?;
            self.features(pass.params, &grey_to_rgb(&few)?)
        });
        let features = Tensor::cat(&features.collect::<Result<Vec<_>>>()?, 0)?;
        Ok(Outputs::of(Node::constant(features)))
    }

    fn width(&self) -> usize {
        OffTheShelf::width(self)
    }

    fn side(&self) -> Side {
        Side { least: 1, multiple: 1 }
    }
}

/// Repeats each channel of images (N, C, H, W) to an RGB image: (N·C, 3, H, W).
///
/// # Errors
/// If there are not four axes.
pub fn grey_to_rgb(images: &Tensor) -> Result<Tensor> {
    let (n, channels, height, width) = images.dims4()?;
    images.reshape((n * channels, 1, height, width))?.repeat((1, 3, 1, 1))?.contiguous()
}
