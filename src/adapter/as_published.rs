//! The patch embedding of a published transformer, and what its images are before: channels as its planes or each for itself,
//! normalised, padded.

use super::{ChannelTable, Entry, Images, Replaces, channel_vit::ChannelVit, filters, plain::Plain};
use crate::{
    backbone::{Stem, framed},
    params::Params,
    pass::{Entered, Pass},
};
use candle_core::{Result, Tensor};

/// How the images of a published transformer come in.
#[derive(Clone, Debug, PartialEq)]
pub struct Planes {
    /// Planes of its images.
    pub count: usize,
    /// What becomes of channels.
    pub channels: Channels,
    /// Mean and standard deviation of each plane, of pixels from 0 to 1.
    pub norm: Option<[Vec<f32>; 2]>,
    /// Whether sides are padded with zeros to multiples of the patch.
    pub padded: bool,
}

/// What becomes of the channels of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channels {
    /// They are the planes, in order.
    Planes,
    /// Each passes for itself, the same on all planes; all features of the first come first.
    Repeated,
    /// Each passes for itself; one feature of all channels comes before the next one of all.
    Bag,
    /// All have patches in one sequence of tokens.
    Tokens(ChannelTable),
}

pub(super) struct AsPublished {
    planes: Planes,
    layer: Layer,
    patch: usize,
}

enum Layer {
    Plain(Plain),
    Channels(ChannelVit),
}

impl AsPublished {
    pub(super) fn new(planes: Planes, own: Stem, params: &mut Params) -> Self {
        let layer = match planes.channels {
            Channels::Planes | Channels::Repeated | Channels::Bag => {
                Layer::Plain(Plain::new(planes.count, own, params))
            }
            Channels::Tokens(table) => Layer::Channels(ChannelVit::published(table, own, params)),
        };
        Self { layer, planes, patch: own.patch }
    }
}

impl Entry for AsPublished {
    fn enter(&self, pass: &mut Pass<'_>, images: &Images) -> Result<Entered> {
        let Planes { count, norm, padded, .. } = &self.planes;
        let mut pixels = images.pixels.clone();
        if self.takes_channels_apart() {
            let (n, channels, height, width) = pixels.dims4()?;
            pixels = pixels.reshape((n * channels, 1, height, width))?.repeat((1, *count, 1, 1))?;
        } else if self.planes.channels == Channels::Planes {
            filters::expect_channels("the patch embedding", *count, images)?;
        }
        if let Some([mean, sd]) = norm {
            let of = |values: &[f32]| Tensor::from_slice(values, (1, values.len(), 1, 1), pixels.device());
            pixels = pixels.broadcast_sub(&of(mean)?)?.broadcast_div(&of(sd)?)?;
        }
        if *padded {
            pixels = framed(&pixels, self.patch)?;
        }
        let images = Images { pixels: pixels.contiguous()?, set: images.set };
        match &self.layer {
            Layer::Plain(layer) => layer.enter(pass, &images),
            Layer::Channels(layer) => layer.enter(pass, &images),
        }
    }

    fn replaces(&self) -> Replaces {
        Replaces::Nothing
    }

    fn pads(&self) -> bool {
        self.planes.padded
    }

    fn takes_channels_apart(&self) -> bool {
        matches!(self.planes.channels, Channels::Repeated | Channels::Bag)
    }

    fn puts_channels_last(&self) -> bool {
        self.planes.channels == Channels::Bag
    }

    fn has_patches_of_channels(&self) -> bool {
        matches!(self.planes.channels, Channels::Tokens(_))
    }
}
