//! Networks after the first layer, and networks off the shelf.

mod block;
mod built;
mod convnext;
mod dino_v2;
pub mod files;
mod find;
mod layers;
mod layout;
mod mae_decoder;
mod names;
mod off_the_shelf;
mod on_tokens;
mod opened;
mod pickle;
mod position;
pub mod published;
#[cfg(test)]
mod recipe;
mod resnet;
mod stem;
#[cfg(test)]
mod tests;
pub mod torch;
mod vit;
#[cfg(any(test, feature = "zoo"))]
mod zoo;

#[cfg(test)]
pub(crate) use block::Hidden;
pub(crate) use built::of_the_zoo;
pub use built::{NotBuilt, built};
pub use convnext::ConvNext;
pub(crate) use convnext::Shape;
pub use dino_v2::DinoV2;
pub(crate) use dino_v2::framed;
pub use mae_decoder::{DecoderShape, MaeDecoder};
pub use off_the_shelf::{OffTheShelf, grey_to_rgb};
pub(crate) use on_tokens::MAIN;
pub use on_tokens::OnTokens;
pub use position::Rule;
pub(crate) use position::fix as fix_positions;
pub use resnet::ResNet;
pub use stem::Stem;
#[cfg(test)]
pub(crate) use vit::Patches;
pub(crate) use vit::Shape as VitShape;
pub use vit::{Blocks, Reading, Vit};

use crate::{
    pass::{Entered, Outputs, Pass},
    spec::Taps,
    tape::Node,
};
use candle_core::Result;

/// A network after a first layer.
pub trait Backbone: Send + Sync {
    /// Runs the network on the output of the first layer.
    ///
    /// # Errors
    /// If it takes a different kind of input.
    fn run(&self, pass: &mut Pass<'_>, x: Entered) -> Result<Outputs>;

    /// All of its tokens after the last normalisation, (N, T, width), the class token first.
    ///
    /// # Errors
    /// If it has none, or takes a different kind of input.
    fn tokens(&self, _pass: &mut Pass<'_>, _x: Entered) -> Result<Node> {
        candle_core::bail!("this backbone has no tokens")
    }

    /// Length of a feature vector.
    fn width(&self) -> usize;

    /// Vectors of one length that a feature vector consists of.
    fn parts(&self) -> usize {
        1
    }

    /// The image sides that it accepts.
    fn side(&self) -> Side;

    /// How positions of another grid are resized when weights are read; none: it has no positions.
    fn resizing(&self) -> Option<Rule> {
        None
    }

    /// Its own first layer, which an adapter can replace; `None` if no adapter does.
    fn stem(&self) -> Option<Stem> {
        None
    }

    /// Numbers per pixel at each of the probes; empty if it cannot be probed.
    fn probe_widths(&self, _probes: Taps) -> Vec<usize> {
        Vec::new()
    }
}

/// The sides of images that a backbone accepts, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Side {
    /// The minimum of the shorter side.
    pub least: usize,
    /// Sides of training images should be multiples of this; otherwise pixels at the border are ignored.
    pub multiple: usize,
}
