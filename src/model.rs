//! A complete feature extractor: first layer, backbone, parameters.

mod card;
mod costs;
mod dual;
mod export;
mod released;

pub use card::{Card, CardSet};
pub use costs::Costs;
pub use released::{Error as ReleasedError, Released, released};

use crate::{
    adapter::{self, Entry, Images, OwnStem, Planes, Replaces, SetChannels},
    backbone::{
        Backbone, ConvNext, DinoV2, ResNet, Shape, Stem, Vit, VitShape, files, of_the_zoo, published::Weights,
    },
    loss::{Drawn, Read},
    params::Params,
    pass::{Outputs, Pass, Tap},
    plan::Pretrained,
    seed::Stream,
    spec::{self, Taps, View},
    tape::{Node, Tape},
};
use candle_core::{Result, Tensor};
use std::path::Path;

/// Maps images of a few sets to feature vectors: a first layer and a backbone.
pub struct Extractor {
    entry: Box<dyn Entry>,
    backbone: Box<dyn Backbone>,
}

impl Extractor {
    /// A model for `sets` that it is trained on and `others` that it only reads, which are numbered after
    /// them; random initial values are drawn from streams of the parameters' seed.
    ///
    /// # Panics
    /// If a backbone off the shelf has an adapter other than ChannelReplication: the check refuses that.
    pub fn new(
        model: &spec::Model,
        sets: &[SetChannels],
        others: &[SetChannels],
        params: &mut Params,
    ) -> Self {
        let off_the_shelf: Box<dyn Backbone> = match &model.backbone {
            spec::Backbone::ConvNext(word) => {
                return Self::shaped(
                    &model.adapter,
                    word.size.into(),
                    word.drop_path,
                    (sets, others),
                    params,
                );
            }
            spec::Backbone::Vit(word) => {
                return Self::vit(&model.adapter, VitShape::of(word), (sets, others), params);
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
        Self { entry: adapter::grey(), backbone: off_the_shelf }
    }

    /// A ConvNeXt of any depths and widths with an adapter, for sets that it is trained on and others.
    fn shaped(
        adapter: &spec::Adapter,
        shape: Shape,
        drop_path: f64,
        (sets, others): (&[SetChannels], &[SetChannels]),
        params: &mut Params,
    ) -> Self {
        let entry = adapter::build(adapter, sets, others, Stem::conv_next(shape.widths[0]), params);
        let backbone = Box::new(ConvNext::shaped(shape, drop_path, !entry.normalises(), params));
        Self { entry, backbone }
    }

    /// A ViT of any shape with an adapter, for sets that it is trained on and others.
    fn vit(
        adapter: &spec::Adapter,
        shape: VitShape,
        (sets, others): (&[SetChannels], &[SetChannels]),
        params: &mut Params,
    ) -> Self {
        let entry = adapter::build(adapter, sets, others, shape.stem(), params);
        Self { entry, backbone: Box::new(Vit::shaped(shape, params)) }
    }

    /// Of a first layer and a backbone that fit each other.
    #[cfg(test)]
    pub(crate) fn of_parts(entry: Box<dyn Entry>, backbone: Box<dyn Backbone>) -> Self {
        Self { entry, backbone }
    }

    /// A published transformer with its weights, behind whatever its images are.
    ///
    /// # Errors
    /// If the weights do not fit its name.
    pub fn published(
        weights: &Weights,
        planes: Planes,
        params: &mut Params,
    ) -> std::result::Result<Self, files::Error> {
        let entry = adapter::as_published(planes, weights.shape.stem(), params);
        let backbone = Box::new(Vit::shaped(weights.shape, params));
        weights.copy_to(params)?;
        Ok(Self { entry, backbone })
    }

    /// A ConvNeXt with its own stem, for images of `channels` channels.
    pub fn plain(size: spec::ConvNextSize, channels: usize, params: &mut Params) -> Self {
        let entry = adapter::plain(channels, Stem::conv_next(size.widths()[0]), params);
        Self { entry, backbone: Box::new(ConvNext::new(size, 0.0, true, params)) }
    }

    /// A backbone that is trained first, with its own first layer, for images of `channels` channels.
    pub fn pretrained(backbone: &Pretrained, channels: usize, params: &mut Params) -> Self {
        match backbone {
            Pretrained::ConvNext(size) => Self::plain(*size, channels, params),
            Pretrained::Vit { vit } => {
                let shape = VitShape::of(vit);
                let entry = adapter::plain(channels, shape.stem(), params);
                Self { entry, backbone: Box::new(Vit::shaped(shape, params)) }
            }
        }
    }

    /// Bytes of the weights of a model, before anything is allocated; `None` above 2^64.
    ///
    /// # Panics
    /// As [`Extractor::new`].
    pub fn bytes(model: &spec::Model, sets: &[SetChannels]) -> Option<u64> {
        let mut params = Params::shapes();
        let _ = Self::new(model, sets, &[], &mut params);
        params.bytes()
    }

    /// Copies published weights of the backbone, and those of the first layer that the adapter keeps or
    /// starts from.
    ///
    /// # Errors
    /// If the file does not fit.
    pub fn load(&self, path: &Path, params: &mut Params) -> std::result::Result<(), files::Error> {
        let Some(stem) = self.backbone.stem() else { return files::load_whole(path, params) };
        let replaced = self.entry.replaces();
        files::load_resized(path, params, &replaced.names(&stem), self.backbone.resizing())?;
        if replaced == Replaces::Nothing {
            return Ok(());
        }
        let own = OwnStem::read(path, stem)?;
        Ok(self.entry.start(&own, params)?)
    }

    /// Whether each channel of an image has patches, and tokens, of its own.
    pub fn has_patches_of_channels(&self) -> bool {
        self.entry.has_patches_of_channels()
    }

    /// Which of the channels of images a step of training sees, in order; none: all of them.
    ///
    /// # Errors
    /// If a parameter cannot be read.
    pub fn sample(
        &self,
        params: &Params,
        channels: usize,
        stream: &mut Stream,
    ) -> Result<Option<Vec<usize>>> {
        self.entry.sample(params, channels, stream)
    }

    /// How many images' patches pass through the backbone for one image of this number of channels.
    pub fn passes(&self, channels: usize) -> usize {
        if self.entry.takes_channels_apart() || self.entry.has_patches_of_channels() { channels } else { 1 }
    }

    /// The side of the grid of patches of an image of that side; nothing if the backbone takes images as they are.
    pub fn grid(&self, side: usize) -> Option<usize> {
        Some(side / self.backbone.stem()?.patch)
    }

    /// Length of the feature vector of an image, or of a channel if channels are separate.
    pub fn width(&self) -> usize {
        self.backbone.width()
    }

    /// The minimum of an image's shorter side, in pixels.
    pub fn least_side(&self) -> usize {
        if self.entry.pads() { 1 } else { self.backbone.side().least }
    }

    /// Runs the model: features (N, width), and what else the pass requests.
    ///
    /// # Errors
    /// If the images do not have the channels of their set.
    pub fn run(&self, pass: &mut Pass<'_>, images: &Images) -> Result<Outputs> {
        let (n, channels) = (images.pixels.dim(0)?, images.pixels.dim(1)?);
        let entered = self.entry.enter(pass, images)?;
        let mut outputs = self.backbone.run(pass, entered)?;
        if self.entry.takes_channels_apart() {
            let parts = self.backbone.parts();
            if self.entry.puts_channels_last() && parts > 1 {
                let each = outputs.features.value().reshape((n, channels, parts, self.width() / parts))?;
                // Only features of one part are trained.
                outputs.features = Node::constant(each.transpose(1, 2)?.contiguous()?);
            }
            outputs.features = pass.tape.reshape(&outputs.features, (n, channels * self.width()))?;
        }
        Ok(outputs)
    }

    /// What a loss reads of it.
    pub fn read(&self) -> Read {
        let drawn = |stem: Stem| {
            let channels = self.entry.planes()?;
            Some(Drawn { width: self.width(), patch: stem.patch, channels })
        };
        let of_channels = self.entry.teaches_channels();
        Read { width: self.width(), drawn: self.backbone.stem().and_then(drawn), of_channels }
    }

    /// The pixels of images that become its patches.
    ///
    /// # Errors
    /// If the images do not have the channels of their set.
    pub fn seen(&self, images: &Images) -> Result<Tensor> {
        self.entry.seen(images)
    }

    /// All tokens of images, (N, T, width).
    ///
    /// # Errors
    /// If the images do not have the channels of their set, or the backbone has no tokens.
    pub fn tokens(&self, pass: &mut Pass<'_>, images: &Images) -> Result<Node> {
        let entered = self.entry.enter(pass, images)?;
        self.backbone.tokens(pass, entered)
    }

    /// Numbers per pixel at each of the probes; empty if the backbone cannot be probed.
    pub fn probe_widths(&self, probes: Taps) -> Vec<usize> {
        self.backbone.probe_widths(probes)
    }

    /// What each layer of a transformer says of images, without recording.
    ///
    /// # Errors
    /// If the images do not have the channels of their set, and those of `tap`.
    pub fn layers<'a>(&self, params: &'a Params, images: &Images, tap: &'a mut Tap<'a>) -> Result<()> {
        let mut tape = Tape::forgetting_in(params.format());
        self.run(&mut Pass::new(&mut tape, params).tapped(tap), images)?;
        Ok(())
    }

    /// Features of images without recording.
    ///
    /// # Errors
    /// If the images do not have the channels of their set.
    pub fn embed(&self, params: &Params, images: &Images) -> Result<Node> {
        let mut tape = Tape::forgetting_in(params.format());
        Ok(self.run(&mut Pass::new(&mut tape, params), images)?.features)
    }
}

#[cfg(test)]
mod tests;
