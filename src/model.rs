//! A whole feature extractor: first layer, backbone, parameters.

mod card;
mod costs;
mod released;

pub use card::{Card, CardSet};
pub use costs::Costs;
pub use released::{Error as ReleasedError, Released, released};

use crate::{
    adapter::{self, Convolution, Images, OwnStem, SetChannels, Stem},
    backbone::{ConvNext, DinoV2, OffTheShelf, ResNet, Shape, files, of_the_zoo},
    params::{Params, Published},
    seed::{Seed, Stream},
    spec::{self, Taps, View},
    tape::{Node, Tape},
};
use candle_core::{Result, Tensor};
use std::path::Path;

/// Images of a few sets to feature vectors.
pub struct Extractor(Network);

enum Network {
    /// Behind the first layer of an adapter.
    Adapted { stem: Box<dyn Stem>, backbone: ConvNext },
    /// Each channel passes through as a grey photograph.
    OffTheShelf(Box<dyn OffTheShelf>),
}

use Network::{Adapted, OffTheShelf as Shelf};

/// Pixels of photographs that pass through a network off the shelf together: forty of 224 px.
const PHOTOGRAPHS: usize = 1 << 21;
/// The shorter side that leaves a ConvNeXt one pixel behind its last stage: strides of 4, 2, 2 and 2.
const LEAST: usize = 32;

impl Extractor {
    /// A model for sets that it is trained on and `others` that it only reads, which are numbered behind them; its
    /// random start comes from streams of the parameters' seed.
    ///
    /// # Panics
    /// If a backbone off the shelf is declared behind another adapter than ChannelReplication: the check refuses that.
    pub fn new(
        model: &spec::Model,
        sets: &[SetChannels],
        others: &[SetChannels],
        params: &mut Params,
    ) -> Self {
        let off_the_shelf: Box<dyn OffTheShelf> = match &model.backbone {
            spec::Backbone::ConvNext(word) => {
                return Self::shaped(
                    &model.adapter,
                    word.size.into(),
                    word.drop_path,
                    (sets, others),
                    params,
                );
            }
            spec::Backbone::ResNet(word) => {
                Box::new(ResNet::new(word.size, model.adapter.view() == View::Native, params))
            }
            spec::Backbone::DinoV2(word) => Box::new(DinoV2::new(word.size, params)),
            spec::Backbone::OffTheShelf(word) => {
                of_the_zoo(word.model, model.adapter.view() == View::Native, params)
            }
        };
        assert!(
            model.adapter.enters() == spec::Enters::Images,
            "the check refuses other adapters of a backbone off the shelf"
        );
        Self(Shelf(off_the_shelf))
    }

    /// A ConvNeXt of any depths and widths behind an adapter, for sets that it is trained on and others.
    fn shaped(
        adapter: &spec::Adapter,
        shape: Shape,
        drop_path: f64,
        (sets, others): (&[SetChannels], &[SetChannels]),
        params: &mut Params,
    ) -> Self {
        let stem = adapter::build(adapter, sets, others, shape.widths[0], params);
        let backbone = ConvNext::shaped(shape, drop_path, !stem.normalises(), params);
        Self(Adapted { stem, backbone })
    }

    /// A backbone behind its own stem, for images of `channels` channels.
    pub fn plain(size: spec::ConvNextSize, channels: usize, params: &mut Params) -> Self {
        let stem = adapter::plain(channels, size.widths()[0], params);
        Self(Adapted { stem, backbone: ConvNext::new(size, 0.0, true, params) })
    }

    /// Takes over published weights of the backbone; of the first layer's what the adapter keeps or starts from.
    ///
    /// # Errors
    /// If the file does not fit.
    pub fn load(&self, path: &Path, params: &mut Params) -> std::result::Result<(), files::Error> {
        let (stem, backbone) = match &self.0 {
            Adapted { stem, backbone } => (stem, backbone),
            Shelf(_) => return files::load_whole(path, params),
        };
        let replaced = stem.replaces();
        files::load(path, params, replaced)?;
        if replaced.is_empty() {
            return Ok(());
        }
        let own = OwnStem::read(path, backbone.stem_width())?;
        Ok(stem.start(&own, params)?)
    }

    /// Writes what the model is to the images of one set: a ConvNeXt with as many inputs as the set has channels, which
    /// timm loads with `strict=True`. `head.norm`, which is behind our features, is there and does nothing.
    ///
    /// # Errors
    /// If the first layer is more than a convolution, or the file cannot be written.
    pub fn export(
        &self,
        params: &Params,
        set: usize,
        path: &Path,
    ) -> std::result::Result<bool, files::Error> {
        let Adapted { stem, backbone } = &self.0 else { return Ok(false) };
        let Some(Convolution { weight, bias }) = stem.as_convolution(params, set)? else {
            return Ok(false);
        };
        let (stem, width) = (backbone.stem_width(), self.width());
        let channels = weight.len() / (stem * adapter::PATCH * adapter::PATCH);
        let mut alone = Params::new(Seed(0));
        let mut add = |name: &str, shape: &[usize], values: &[f32]| {
            alone.add_with(Published::new(name, shape), |_, out| out.copy_from_slice(values));
        };
        add("stem.0.weight", &[stem, channels, adapter::PATCH, adapter::PATCH], &weight);
        add("stem.0.bias", &[stem], &bias);
        add("head.norm.weight", &[width], &vec![1.0; width]);
        add("head.norm.bias", &[width], &vec![0.0; width]);
        for id in params.ids() {
            let published = params.published(id);
            let first = published.name.starts_with("stem.0.");
            if files::is_backbone(&published.name) && !first {
                add(&published.name, &published.shape, &params.export(id)?);
            }
        }
        files::save(path, &alone, None, |_| true)?;
        Ok(true)
    }

    /// Passes through the backbone for one image of so many channels.
    pub fn passes(&self, channels: usize) -> usize {
        match &self.0 {
            Adapted { stem, .. } if !stem.takes_channels_apart() => 1,
            _ => channels,
        }
    }

    /// Numbers in the feature vector of an image, or of a channel if these are taken apart.
    pub fn width(&self) -> usize {
        match &self.0 {
            Adapted { backbone, .. } => backbone.width(),
            Shelf(network) => network.width(),
        }
    }

    /// The least that the shorter side of an image may have, in pixels.
    pub fn least_side(&self) -> usize {
        match &self.0 {
            Adapted { .. } => LEAST,
            Shelf(_) => 1,
        }
    }

    /// Features (N, width). `drops` decides which residual branches are dropped in training.
    ///
    /// # Errors
    /// If the images do not have the channels of their set.
    pub fn forward(
        &self,
        tape: &mut Tape,
        params: &Params,
        images: &Images,
        drops: &mut Stream,
    ) -> Result<Node> {
        let (features, _) = self.tapped(tape, params, images, drops, None)?;
        Ok(features)
    }

    /// Features, and what flows by at the `taps`.
    ///
    /// # Errors
    /// If the images do not have the channels of their set.
    pub fn tapped(
        &self,
        tape: &mut Tape,
        params: &Params,
        images: &Images,
        drops: &mut Stream,
        taps: Option<Taps>,
    ) -> Result<(Node, Vec<Node>)> {
        let (n, channels) = (images.pixels.dim(0)?, images.pixels.dim(1)?);
        let apart = (n, channels * self.width());
        let (stem, backbone) = match &self.0 {
            Adapted { stem, backbone } => (stem, backbone),
            Shelf(_) if tape.is_recording() => {
                candle_core::bail!("a backbone off the shelf is not trained")
            }
            Shelf(network) => {
                let features = photographed(network.as_ref(), params, &images.pixels)?;
                return Ok((Node::constant(features.reshape(apart)?), vec![]));
            }
        };
        let x = stem.forward(tape, params, images)?;
        let (features, taps) = backbone.tapped(tape, params, &x, drops, taps)?;
        if !stem.takes_channels_apart() {
            return Ok((features, taps));
        }
        Ok((tape.reshape(&features, apart)?, taps))
    }

    /// Maps at each of the `taps`; a backbone off the shelf has none.
    pub fn tap_widths(&self, taps: Taps) -> Vec<usize> {
        match &self.0 {
            Adapted { backbone, .. } => backbone.tap_widths(taps),
            Shelf(_) => vec![],
        }
    }

    /// Features of images that nothing is learned from.
    ///
    /// # Errors
    /// If the images do not have the channels of their set.
    pub fn embed(&self, params: &Params, images: &Images) -> Result<Node> {
        self.forward(
            &mut Tape::forgetting_in(params.format()),
            params,
            images,
            &mut Seed(0).stream("no draw is made in inference"),
        )
    }
}

/// Features of each channel of images (N, C, H, W): (N·C, width). A few photographs at a time, because their maps are
/// large.
fn photographed(network: &dyn OffTheShelf, params: &Params, images: &Tensor) -> Result<Tensor> {
    let (n, channels, height, width) = images.dims4()?;
    let together = (PHOTOGRAPHS / (height * width * channels)).max(1);
    let features = (0..n).step_by(together).map(|first| {
        let few = images.narrow(0, first, together.min(n - first))?;
        network.features(params, &adapter::photographs(&few)?)
    });
    Tensor::cat(&features.collect::<Result<Vec<_>>>()?, 0)
}

#[cfg(test)]
mod tests;
