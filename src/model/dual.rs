//! CODA's dual model: a classifier on the tokens of a frozen extractor.

use super::Extractor;
use crate::{
    adapter::{self, FOUNDATION, SetChannels},
    backbone::{self, MAIN, OnTokens, VitShape, files},
    ops::buffer,
    params::Params,
    spec,
};
use candle_core::Result;
use std::path::Path;

impl Extractor {
    /// A classifier `top` on the tokens of the frozen extractor `model`. Its features are the class token after the last
    /// normalisation of the classifier.
    ///
    /// # Panics
    /// If either is no vision transformer: the check refuses that.
    pub fn dual(
        model: &spec::Model,
        top: &spec::Backbone,
        sets: &[SetChannels],
        others: &[SetChannels],
        params: &mut Params,
    ) -> Self {
        let spec::Backbone::Vit(word) = top else { panic!("the check refuses other classifiers") };
        let (mut width, mut side) = (0, backbone::Side { least: 1, multiple: 1 });
        let entry = adapter::frozen_tokens(params, |params| {
            let extractor = Self::new(model, sets, others, params);
            (width, side) = (extractor.backbone.width(), extractor.backbone.side());
            extractor
        });
        let shape = VitShape::of(word);
        let backbone = Box::new(OnTokens::new(shape, width, side, params));
        Self { entry, backbone }
    }

    /// Reads the frozen half of a dual model from the file of an extractor: trained, or adapted.
    ///
    /// # Errors
    /// If the file cannot be read or does not fit.
    pub fn load_foundation(path: &Path, params: &mut Params) -> std::result::Result<(), files::Error> {
        files::restore(path, &mut params.within(FOUNDATION))
    }

    /// Copies the frozen half of a dual model from an extractor's parameters.
    ///
    /// # Errors
    /// If they are those of another extractor.
    pub fn copy_foundation(from: &Params, params: &mut Params) -> Result<()> {
        let params = params.within(FOUNDATION);
        for id in params.ids() {
            let Some(name) = params.local(id) else { continue };
            match from.find(name) {
                Some(other) => buffer::set(params.value(id), &buffer::copy(from.value(other))?)?,
                None => candle_core::bail!("the other extractor has no {name}"),
            }
        }
        Ok(())
    }

    /// Reads the blocks and the last normalisation of a classifier from published weights of its backbone, whose embedding of
    /// patches, class token and positions have no place here.
    ///
    /// # Errors
    /// If the file cannot be read or does not fit.
    pub fn load_classifier(path: &Path, params: &mut Params) -> std::result::Result<(), files::Error> {
        files::load_blocks(path, &mut params.within(MAIN))
    }
}
