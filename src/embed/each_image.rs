//! Test-time training in front of the features of each image: its encoder takes the place of the frozen one under the
//! classifier, and is forgotten with the next image.

use super::{Embedder, Error, Numbered};
use crate::{
    adapter::{FOUNDATION, Images, SetChannels},
    backbone::files as weights,
    loss::Autoencoder,
    model::{Card, Extractor},
    ops::format::Format,
    params::{ParamId, Params},
    seed::Seed,
    spec::settings,
    train::{OnOneImage, Trained},
};
use candle_core::{Device, Tensor};
use std::path::Path;

/// What is trained on each image.
pub(super) struct EachImage {
    how: settings::Ttt,
    encoder: Extractor,
    decoder: Autoencoder,
    /// Of encoder and decoder.
    params: Params,
    /// Each weight of the encoder, and its place under the classifier.
    places: Vec<(ParamId, ParamId)>,
    seed: Seed,
}

impl EachImage {
    /// Steps on an image.
    pub(super) fn steps(&self) -> usize {
        self.how.steps
    }

    pub(super) fn go_to(&mut self, device: &Device, format: Format) -> candle_core::Result<()> {
        self.params.go_to(device, format)
    }

    /// The weights of a dual model in which the encoder was trained on this image, whose name no other one has. `stepped` hears
    /// of each step, and says whether to go on.
    pub(super) fn train(
        &self,
        dual: &Params,
        image: &Images,
        name: &str,
        stepped: &mut dyn FnMut() -> bool,
    ) -> Result<Params, Error> {
        let of = Trained { model: &self.encoder, decoder: &self.decoder, params: &self.params };
        let mut training = OnOneImage::new(&self.how, of, image, (self.seed, name))?;
        for _ in 0..self.how.steps {
            training.step()?;
            if !stepped() {
                return Err(Error::Stopped);
            }
        }
        let trained = |id: ParamId| -> Option<Tensor> {
            let (own, _) = self.places.iter().find(|(_, place)| *place == id)?;
            Some(training.params().value(*own).clone())
        };
        Ok(dual.with(trained))
    }
}

impl Embedder {
    /// The features of images, each by a model that was trained on it alone, and the length of a row.
    pub(super) fn features_after(
        &self,
        each: &EachImage,
        images: &Images,
        name: impl Fn(usize) -> String,
        stepped: &mut dyn FnMut() -> bool,
    ) -> Result<(Vec<f32>, usize), Error> {
        let (mut all, mut width) = (Vec::new(), 0);
        for image in 0..images.pixels.dim(0)? {
            let one = Images { pixels: images.pixels.narrow(0, image, 1)?.contiguous()?, set: images.set };
            let params = each.train(&self.params, &one, &name(image), stepped)?;
            let (found, of_row) = self.features_by(&params, &one)?;
            all.extend(found);
            width = of_row;
        }
        Ok((all, width))
    }

    /// Has the model under the classifier trained on each image before it is embedded. `file` is what the training of that
    /// model has left, with its `decoder`; `card`, `asked` and `at_home` are those that the embedder was made by.
    ///
    /// # Errors
    /// If the file cannot be read or does not fit.
    ///
    /// # Panics
    /// If the model draws no patches: the check refuses that.
    pub fn train_on_each(
        &mut self,
        (how, decoder): (&settings::Ttt, &settings::Mae),
        (card, asked, at_home): (&Card, &[SetChannels], bool),
        file: &Path,
        seed: Seed,
    ) -> Result<(), weights::Error> {
        let Numbered { trained, others, .. } = Numbered::of(card, asked, at_home);
        let mut params = Params::new(Seed(0));
        let encoder = Extractor::new(&card.model, &trained, &others, &mut params);
        let drawn = encoder.read().drawn.expect("the check refuses models that draw no patches");
        let decoder = Autoencoder::new(decoder, drawn, &mut params);
        weights::restore(file, &mut params)?;
        let place = |id: ParamId| {
            let name = format!("{FOUNDATION}{}", params.published(id).name);
            Some((id, self.params.find(&name)?))
        };
        let places = params.ids().filter_map(place).collect();
        // One image takes as long as a batch does otherwise, and is passed on as soon as it is done.
        self.batch = 1;
        self.each_image = Some(EachImage { how: how.clone(), encoder, decoder, params, places, seed });
        Ok(())
    }
}
