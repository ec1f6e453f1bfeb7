//! Networks behind the first layer, and networks off the shelf.

mod built;
mod convnext;
mod dino_v2;
pub mod files;
mod layers;
mod pickle;
mod position;
mod resnet;
#[cfg(test)]
mod tests;
pub mod torch;
#[cfg(any(test, feature = "zoo"))]
mod zoo;

pub(crate) use built::of_the_zoo;
pub use built::{NotBuilt, built};
pub use convnext::ConvNext;
pub(crate) use convnext::Shape;
pub use dino_v2::DinoV2;
pub use resnet::ResNet;

use crate::params::Params;
use candle_core::{Result, Tensor};

/// Raised when a backbone computes something else; part of the identity of every work that trains or embeds.
pub const REVISION: u32 = 1;

/// A network for photographs that is taken as it was published. Nothing is learned through it, so nothing is recorded.
pub trait OffTheShelf: Send + Sync {
    /// Photographs (N, 3, H, W) with values in [0, 1] to features (N, width).
    ///
    /// # Errors
    /// If they have another shape.
    fn features(&self, params: &Params, photographs: &Tensor) -> Result<Tensor>;

    /// Numbers in a feature vector.
    fn width(&self) -> usize;
}
