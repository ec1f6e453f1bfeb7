//! Networks for photographs that are taken as they were published: each channel passes as a grey one.

use super::{Backbone, Side};
use crate::{
    params::Params,
    pass::{Entered, Outputs, Pass},
    tape::Node,
};
use candle_core::{Result, Tensor};

/// Pixels of photographs that pass together: forty of 224 px.
const TOGETHER: usize = 1 << 21;

/// A network for photographs. Nothing is learned through it, so nothing is recorded.
pub trait OffTheShelf: Send + Sync {
    /// Photographs (N, 3, H, W) with values in [0, 1] to features (N, width).
    ///
    /// # Errors
    /// If they have another shape.
    fn features(&self, params: &Params, photographs: &Tensor) -> Result<Tensor>;

    /// Numbers in a feature vector.
    fn width(&self) -> usize;
}

impl<N: OffTheShelf> Backbone for N {
    /// A few photographs at a time, because their maps are large. Refuses a tape that records.
    fn run(&self, pass: &mut Pass<'_>, x: Entered) -> Result<Outputs> {
        if pass.tape.is_recording() {
            candle_core::bail!("a backbone off the shelf is not trained");
        }
        let Entered::Grey(grey) = x else {
            candle_core::bail!("a backbone off the shelf takes channels as they are, found feature maps")
        };
        let (n, channels, height, width) = grey.dims4()?;
        let together = (TOGETHER / (height * width * channels)).max(1);
        let features = (0..n).step_by(together).map(|first| {
            let few = grey.narrow(0, first, together.min(n - first))?;
            self.features(pass.params, &photographs(&few)?)
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

/// Images (N, C, H, W) as N·C grey photographs (N·C, 3, H, W).
///
/// # Errors
/// If they have not four axes.
pub fn photographs(images: &Tensor) -> Result<Tensor> {
    let (n, channels, height, width) = images.dims4()?;
    images.reshape((n * channels, 1, height, width))?.repeat((1, 3, 1, 1))?.contiguous()
}
