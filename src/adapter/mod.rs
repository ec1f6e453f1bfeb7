//! First layers: how images whose channels vary become the same number of feature maps.

mod hypernet;
mod plain;

use crate::{
    params::Params,
    spec,
    tape::{Node, Tape},
};
use candle_core::{Result, Tensor};

/// Raised when an adapter computes something else; part of the identity of every work that trains or embeds.
pub const REVISION: u32 = 1;

/// Side of a stem patch, and its stride.
pub const PATCH: usize = 4;

/// The channels of one set, in tape order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetChannels {
    /// The set: `Allen`.
    pub set: String,
    /// Its channels: `nucleus`, `membrane`, `protein`.
    pub channels: Vec<String>,
}

/// Images of one set.
pub struct Images {
    /// (N, C, H, W), normalised.
    pub pixels: Tensor,
    /// Which of the sets that the model was built for.
    pub set: usize,
}

/// A first layer.
pub trait Stem: Send + Sync {
    /// Images (N, C, H, W) to feature maps (N, H/4, W/4, width), before the stem's normalisation.
    ///
    /// # Errors
    /// If the images do not have the channels of their set.
    fn forward(&self, tape: &mut Tape, params: &Params, images: &Images) -> Result<Node>;

    /// Published names of the backbone's own first layer that this one does without.
    fn replaces(&self) -> &'static [&'static str];
}

/// Builds the first layer of an adapter for the given sets.
pub fn build(
    adapter: &spec::Adapter,
    sets: &[SetChannels],
    width: usize,
    params: &mut Params,
) -> Box<dyn Stem> {
    match adapter {
        spec::Adapter::HyperNet(word) => Box::new(hypernet::HyperNet::new(word, sets, width, params)),
    }
}

/// The backbone's own stem, for images of a fixed number of channels.
pub fn plain(channels: usize, width: usize, params: &mut Params) -> Box<dyn Stem> {
    Box::new(plain::Plain::new(channels, width, params))
}
