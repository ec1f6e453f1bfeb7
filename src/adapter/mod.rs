//! First layers: how images whose channels vary become the same number of feature maps.

mod bank;
mod channel_replication;
mod depthwise;
mod filters;
mod first_layer;
mod fixed_channels;
mod grey;
mod hypernet;
mod plain;
mod slice_param;
mod target_param;
mod template_mixing;

pub use first_layer::OwnStem;

use crate::{
    backbone::ConvNext,
    params::Params,
    pass::{Entered, Pass},
    spec,
};
use candle_core::{Result, Tensor};

/// Side of a patch of the backbone's stem, and its stride.
const PATCH: usize = ConvNext::PATCH;

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
pub trait Entry: Send + Sync {
    /// Images (N, C, H, W) to what the backbone takes: to feature maps (N, H/4, W/4, width) of a ConvNeXt, before the stem's
    /// normalisation unless it [`normalises`](Self::normalises) itself.
    ///
    /// # Errors
    /// If the images do not have the channels of their set.
    fn enter(&self, pass: &mut Pass<'_>, images: &Images) -> Result<Entered>;

    /// Takes over what its start needs of the backbone's own first layer, random or published.
    ///
    /// # Errors
    /// If the layer has another shape.
    fn start(&self, _stem: &OwnStem, _params: &mut Params) -> Result<()> {
        Ok(())
    }

    /// Published names of the backbone's own stem that this one does without.
    fn replaces(&self) -> &'static [&'static str];

    /// Whether its maps are normalised already, so that the backbone does without `stem.1`.
    fn normalises(&self) -> bool {
        false
    }

    /// The plain convolution that it is to the images of a set, if it is one.
    ///
    /// # Errors
    /// If a parameter cannot be read.
    fn as_convolution(&self, _params: &Params, _set: usize) -> Result<Option<Convolution>> {
        Ok(None)
    }

    /// Whether it makes an image of each channel, whose features are then put side by side.
    fn takes_channels_apart(&self) -> bool {
        false
    }
}

/// A convolution as files hold it.
#[derive(Clone, Debug, PartialEq)]
pub struct Convolution {
    /// (width, channels, 4, 4).
    pub weight: Vec<f32>,
    /// (width).
    pub bias: Vec<f32>,
}

/// The backbone's own stem convolution.
const CONVOLUTION: &[&str] = ConvNext::CONVOLUTION;

/// Builds the first layer of an adapter for sets that it is trained on and `others` that it only reads.
///
/// # Panics
/// If the adapter reads no others and there are some: the plan refuses that.
pub fn build(
    adapter: &spec::Adapter,
    sets: &[SetChannels],
    others: &[SetChannels],
    width: usize,
    params: &mut Params,
) -> Box<dyn Entry> {
    assert!(
        others.is_empty() || adapter.reads_unseen_sets(),
        "the plan refuses sets that were not trained on"
    );
    let stem: Box<dyn Entry> = match adapter {
        spec::Adapter::ChannelReplication(_) => {
            Box::new(channel_replication::ChannelReplication::new(width, params))
        }
        spec::Adapter::FixedChannels(word) => {
            Box::new(fixed_channels::FixedChannels::new(word, sets, width, params))
        }
        spec::Adapter::Depthwise(word) => {
            Box::new(depthwise::Depthwise::new(word, sets, others, width, params))
        }
        spec::Adapter::TargetParam(word) => {
            Box::new(target_param::TargetParam::new(word, sets, width, params))
        }
        spec::Adapter::SliceParam(word) => Box::new(slice_param::SliceParam::new(word, sets, width, params)),
        spec::Adapter::TemplateMixing(word) => {
            Box::new(template_mixing::TemplateMixing::new(word, sets, width, params))
        }
        spec::Adapter::HyperNet(word) => Box::new(hypernet::HyperNet::new(word, sets, width, params)),
    };
    let own = OwnStem::random(width, params);
    stem.start(&own, params).expect("the parameters have the shapes that their adapter gave them");
    stem
}

/// No first layer: each channel as it is, for a backbone off the shelf.
pub fn grey() -> Box<dyn Entry> {
    Box::new(grey::Grey)
}

/// The backbone's own stem, for images of a fixed number of channels.
pub fn plain(channels: usize, width: usize, params: &mut Params) -> Box<dyn Entry> {
    Box::new(plain::Plain::new(channels, width, params))
}

#[cfg(test)]
mod tests;
