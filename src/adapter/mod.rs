//! First layers: they map images with varying channels to a fixed number of feature maps.

mod as_published;
mod bag_of_channels;
mod bank;
mod channel_replication;
mod channel_vit;
mod depthwise;
mod filters;
mod first_layer;
mod fixed_channels;
mod frozen_tokens;
mod grey;
mod hierarchical_attention;
mod hypernet;
mod plain;
mod planes;
mod slice_param;
mod target_param;
mod template_mixing;

pub use as_published::{Channels, Planes};
pub use channel_vit::ChannelTable;
pub use first_layer::OwnStem;
pub(crate) use frozen_tokens::{FOUNDATION, frozen_tokens};
pub use planes::places as places_of_planes;

use crate::{
    backbone::Stem,
    params::Params,
    pass::{Entered, Pass},
    seed::Stream,
    spec,
};
use candle_core::{Result, Tensor};

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
    /// The index of its set among those that the model was built for.
    pub set: usize,
}

/// A first layer.
pub trait Entry: Send + Sync {
    /// Maps images (N, C, H, W) to the backbone's input: for patches of side p, feature maps (N, H/p, W/p, width), before
    /// the stem's normalisation, if it has one, unless this layer [`normalises`](Self::normalises) them.
    ///
    /// # Errors
    /// If the images do not have the channels of their set.
    fn enter(&self, pass: &mut Pass<'_>, images: &Images) -> Result<Entered>;

    /// Copies what its initial weights need from the backbone's own first layer, random or published.
    ///
    /// # Errors
    /// If the layer has another shape.
    fn start(&self, _stem: &OwnStem, _params: &mut Params) -> Result<()> {
        Ok(())
    }

    /// The part of the backbone's own stem that this layer replaces.
    fn replaces(&self) -> Replaces;

    /// Whether its maps are already normalised, so that the backbone skips the stem's normalisation.
    fn normalises(&self) -> bool {
        false
    }

    /// The equivalent plain convolution for images of a set, if there is one.
    ///
    /// # Errors
    /// If a parameter cannot be read.
    fn as_convolution(&self, _params: &Params, _set: usize) -> Result<Option<Convolution>> {
        Ok(None)
    }

    /// Whether it pads images to multiples of the patch, so that none is too small.
    fn pads(&self) -> bool {
        false
    }

    /// The number of channels of what becomes patches, if it is the same for all sets.
    fn planes(&self) -> Option<usize> {
        None
    }

    /// The pixels of what becomes patches.
    ///
    /// # Errors
    /// If the images do not have the channels of their set.
    fn seen(&self, images: &Images) -> Result<Tensor> {
        Ok(images.pixels.clone())
    }

    /// Whether each channel has patches, and tokens, of its own.
    fn has_patches_of_channels(&self) -> bool {
        false
    }

    /// Whether losses of features also read the token of each channel, which stand behind the class token in a row of features.
    fn teaches_channels(&self) -> bool {
        false
    }

    /// Which of so many channels a step of training sees, in order; none: all of them.
    ///
    /// # Errors
    /// If a parameter cannot be read.
    fn sample(&self, _params: &Params, _channels: usize, _stream: &mut Stream) -> Result<Option<Vec<usize>>> {
        Ok(None)
    }

    /// Whether each channel becomes an image, and the features of the channels are concatenated.
    fn takes_channels_apart(&self) -> bool {
        false
    }

    /// Whether, of channels that are taken apart, one feature of all comes before the next one of all.
    fn puts_channels_last(&self) -> bool {
        false
    }
}

/// A part of a backbone's own stem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replaces {
    /// None of it.
    Nothing,
    /// The convolution.
    Convolution,
    /// Convolution and normalisation.
    Whole,
}

impl Replaces {
    /// The published names of what is replaced.
    pub fn names(self, stem: &Stem) -> Vec<String> {
        match self {
            Self::Nothing => vec![],
            Self::Convolution => stem.convolution(),
            Self::Whole => stem.whole(),
        }
    }
}

/// A convolution with the layout of files.
#[derive(Clone, Debug, PartialEq)]
pub struct Convolution {
    /// (width, channels, patch, patch).
    pub weight: Vec<f32>,
    /// (width).
    pub bias: Vec<f32>,
}

/// Builds the first layer of an adapter for `sets` that it is trained on and `others` that it only reads, in place of a
/// backbone's stem.
///
/// # Panics
/// If there are others that the adapter cannot read: the plan refuses that.
pub fn build(
    adapter: &spec::Adapter,
    sets: &[SetChannels],
    others: &[SetChannels],
    own: Stem,
    params: &mut Params,
) -> Box<dyn Entry> {
    assert!(
        others.is_empty() || adapter.reads_unseen_sets(),
        "the plan refuses sets that were not trained on"
    );
    let stem: Box<dyn Entry> = match adapter {
        spec::Adapter::ChannelReplication(_) => {
            Box::new(channel_replication::ChannelReplication::new(own, params))
        }
        spec::Adapter::FixedChannels(word) => {
            Box::new(fixed_channels::FixedChannels::new(word, sets, own, params))
        }
        spec::Adapter::Depthwise(word) => {
            Box::new(depthwise::Depthwise::new(word, sets, others, own, params))
        }
        spec::Adapter::TargetParam(word) => Box::new(target_param::TargetParam::new(word, sets, own, params)),
        spec::Adapter::SliceParam(word) => Box::new(slice_param::SliceParam::new(word, sets, own, params)),
        spec::Adapter::TemplateMixing(word) => {
            Box::new(template_mixing::TemplateMixing::new(word, sets, own, params))
        }
        spec::Adapter::HyperNet(word) => Box::new(hypernet::HyperNet::new(word, sets, own, params)),
        spec::Adapter::BagOfChannels(word) => {
            Box::new(bag_of_channels::BagOfChannels::new(word, own, params))
        }
        spec::Adapter::ChannelVit(word) => Box::new(channel_vit::ChannelVit::new(word, own, params)),
        spec::Adapter::HierarchicalAttention(word) => {
            Box::new(hierarchical_attention::HierarchicalAttention::new(word, own, params))
        }
        spec::Adapter::Planes(word) => {
            Box::new(planes::Planes::new(word, sets.iter().chain(others), own, params))
        }
    };
    stem.start(&OwnStem::random(own, params), params)
        .expect("the parameters have the shapes that their adapter gave them");
    stem
}

/// No first layer: channels are passed on unchanged, for a backbone off the shelf.
pub fn grey() -> Box<dyn Entry> {
    Box::new(grey::Grey)
}

/// The patch embedding of a published transformer.
pub fn as_published(planes: Planes, own: Stem, params: &mut Params) -> Box<dyn Entry> {
    Box::new(as_published::AsPublished::new(planes, own, params))
}

/// The backbone's own stem, for images of a fixed number of channels.
pub fn plain(channels: usize, own: Stem, params: &mut Params) -> Box<dyn Entry> {
    Box::new(plain::Plain::new(channels, own, params))
}

#[cfg(test)]
mod tests;
