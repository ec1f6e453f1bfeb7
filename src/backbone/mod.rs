//! Networks behind the first layer, and networks off the shelf.

mod built;
mod convnext;
mod dino_v2;
pub mod files;
mod layers;
mod photographs;
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
pub use photographs::{OffTheShelf, photographs};
pub use resnet::ResNet;

use crate::{
    pass::{Entered, Outputs, Pass},
    spec::Taps,
};
use candle_core::Result;

/// A network behind a first layer.
pub trait Backbone: Send + Sync {
    /// What it makes of what the first layer made.
    ///
    /// # Errors
    /// If it takes something else.
    fn run(&self, pass: &mut Pass<'_>, x: Entered) -> Result<Outputs>;

    /// Numbers in a feature vector.
    fn width(&self) -> usize;

    /// Which images it takes.
    fn side(&self) -> Side;

    /// Its own first layer, which an adapter takes the place of; none if no adapter does.
    fn stem(&self) -> Option<Stem> {
        None
    }

    /// Numbers for each pixel at each of the probes; none where it cannot be probed.
    fn probe_widths(&self, _probes: Taps) -> Vec<usize> {
        Vec::new()
    }
}

/// Sides of images that a backbone takes, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Side {
    /// The least that the shorter one may have.
    pub least: usize,
    /// What the sides of training images are multiples of, or pixels at the border are not seen.
    pub multiple: usize,
}

/// A backbone's own first layer: a convolution of patches that do not overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stem {
    /// Maps that it makes.
    pub width: usize,
    /// Side of a patch, and its stride.
    pub patch: usize,
    /// The published name of its weights.
    pub weight: &'static str,
    /// The published name of its bias.
    pub bias: &'static str,
}
