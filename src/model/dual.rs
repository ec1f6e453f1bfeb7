//! CODA's dual model: a classifier on the tokens of a frozen extractor.

use super::Extractor;
use crate::{
    adapter::{self, FOUNDATION, SetChannels},
    backbone::{self, MAIN, OnTokens, VitShape, files},
    params::Params,
    spec,
};
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
    pub fn load_foundation(path: &Path, params: &mut Params) -> Result<(), files::Error> {
        files::restore(path, &mut params.within(FOUNDATION))
    }

    /// Reads the blocks and the last normalisation of a classifier from published weights of its backbone, whose embedding of
    /// patches, class token and positions have no place here.
    ///
    /// # Errors
    /// If the file cannot be read or does not fit.
    pub fn load_classifier(path: &Path, params: &mut Params) -> Result<(), files::Error> {
        files::load_blocks(path, &mut params.within(MAIN))
    }
}
