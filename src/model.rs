//! A whole feature extractor: first layer, backbone, parameters.

mod card;
mod costs;
mod released;

pub use card::{Card, CardSet};
pub use costs::Costs;
pub use released::{Error as ReleasedError, Released, released};

use crate::{
    adapter::{self, Convolution, Images, OwnStem, SetChannels, Stem},
    backbone::{ConvNext, Shape, files},
    params::{Params, Published},
    seed::{Seed, Stream},
    spec::{self, Taps},
    tape::{Node, Tape},
};
use candle_core::Result;
use std::path::Path;

/// Images of a few sets to feature vectors.
pub struct Extractor {
    stem: Box<dyn Stem>,
    backbone: ConvNext,
}

impl Extractor {
    /// A model for sets that it is trained on and `others` that it only reads, which are numbered behind them; its
    /// random start comes from streams of the parameters' seed.
    pub fn new(
        model: &spec::Model,
        sets: &[SetChannels],
        others: &[SetChannels],
        params: &mut Params,
    ) -> Self {
        let spec::Backbone::ConvNext { size, .. } = model.backbone;
        Self::shaped(model, size.into(), sets, others, params)
    }

    /// The same with a backbone of any depths and widths.
    fn shaped(
        model: &spec::Model,
        shape: Shape,
        sets: &[SetChannels],
        others: &[SetChannels],
        params: &mut Params,
    ) -> Self {
        let spec::Backbone::ConvNext { drop_path, .. } = model.backbone;
        let stem = adapter::build(&model.adapter, sets, others, shape.widths[0], params);
        let backbone = ConvNext::shaped(shape, drop_path, !stem.normalises(), params);
        Self { stem, backbone }
    }

    /// A backbone behind its own stem, for images of `channels` channels.
    pub fn plain(size: spec::ConvNextSize, channels: usize, params: &mut Params) -> Self {
        let stem = adapter::plain(channels, size.widths()[0], params);
        Self { stem, backbone: ConvNext::new(size, 0.0, true, params) }
    }

    /// Takes over published weights of the backbone; of the first layer's what the adapter keeps or starts from.
    ///
    /// # Errors
    /// If the file does not fit.
    pub fn load(&self, path: &Path, params: &mut Params) -> std::result::Result<(), files::Error> {
        let replaced = self.stem.replaces();
        files::load(path, params, replaced)?;
        if replaced.is_empty() {
            return Ok(());
        }
        let own = OwnStem::read(path, self.backbone.stem_width())?;
        Ok(self.stem.start(&own, params)?)
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
        let Some(Convolution { weight, bias }) = self.stem.as_convolution(params, set)? else {
            return Ok(false);
        };
        let (stem, width) = (self.backbone.stem_width(), self.width());
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
        if self.stem.takes_channels_apart() { channels } else { 1 }
    }

    /// Numbers in the feature vector of an image, or of a channel if these are taken apart.
    pub fn width(&self) -> usize {
        self.backbone.width()
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
        let stem = self.stem.forward(tape, params, images)?;
        let (features, taps) = self.backbone.tapped(tape, params, &stem, drops, taps)?;
        if !self.stem.takes_channels_apart() {
            return Ok((features, taps));
        }
        let (n, channels) = (images.pixels.dim(0)?, images.pixels.dim(1)?);
        Ok((tape.reshape(&features, (n, channels * self.width()))?, taps))
    }

    /// Maps at each of the `taps`.
    pub fn tap_widths(&self, taps: Taps) -> Vec<usize> {
        self.backbone.tap_widths(taps)
    }

    /// Features of images that nothing is learned from.
    ///
    /// # Errors
    /// If the images do not have the channels of their set.
    pub fn embed(&self, params: &Params, images: &Images) -> Result<Node> {
        self.forward(
            &mut Tape::forgetting(),
            params,
            images,
            &mut Seed(0).stream("no draw is made in inference"),
        )
    }
}

#[cfg(test)]
mod tests;
