//! A whole feature extractor: first layer, backbone, parameters.

use crate::{
    adapter::{self, Images, SetChannels, Stem},
    backbone::{ConvNext, files},
    params::Params,
    seed::{Seed, Stream},
    spec,
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
    /// A model for the given sets; its random start comes from streams of the parameters' seed.
    pub fn new(model: &spec::Model, sets: &[SetChannels], params: &mut Params) -> Self {
        let spec::Backbone::ConvNext { size, drop_path } = model.backbone;
        let stem = adapter::build(&model.adapter, sets, size.widths()[0], params);
        Self { stem, backbone: ConvNext::new(size, drop_path, params) }
    }

    /// A backbone behind its own stem, for images of `channels` channels.
    pub fn plain(size: spec::ConvNextSize, channels: usize, params: &mut Params) -> Self {
        let stem = adapter::plain(channels, size.widths()[0], params);
        Self { stem, backbone: ConvNext::new(size, 0.0, params) }
    }

    /// Takes over published weights of the backbone; the first layer's are taken only if the adapter keeps it.
    ///
    /// # Errors
    /// If the file does not fit.
    pub fn load(&self, path: &Path, params: &mut Params) -> std::result::Result<(), files::Error> {
        files::load(path, params, self.stem.replaces())
    }

    /// Numbers in a feature vector.
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
        let stem = self.stem.forward(tape, params, images)?;
        self.backbone.forward(tape, params, &stem, drops)
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
