//! TargetParam: one first layer per set in front of a shared backbone (CHAMMI, section 4.1; released
//! `shared_convnext`).
//!
//! The release routes by the set's name, the paper by the number of channels; CHAMMI's sets differ in both.

use super::{Convolution, Entry, Images, Replaces, SetChannels, first_layer::OwnStem, plain::Plain};
use crate::{
    backbone::Stem,
    params::Params,
    pass::{Entered, Pass},
    spec,
};
use candle_core::Result;

pub(super) struct TargetParam {
    layers: Vec<Plain>,
    start: spec::FirstLayer,
}

impl TargetParam {
    pub(super) fn new(
        word: &spec::TargetParam,
        sets: &[SetChannels],
        own: Stem,
        params: &mut Params,
    ) -> Self {
        let layer = |set: &SetChannels| {
            Plain::named(&format!("first_layer.{}", set.set), set.channels.len(), own, params)
        };
        Self { layers: sets.iter().map(layer).collect(), start: word.first_layer }
    }
}

impl Entry for TargetParam {
    fn enter(&self, pass: &mut Pass<'_>, images: &Images) -> Result<Entered> {
        self.layers[images.set].enter(pass, images)
    }

    fn start(&self, stem: &OwnStem, params: &mut Params) -> Result<()> {
        self.layers.iter().try_for_each(|layer| layer.start_as(self.start, stem, params))
    }

    fn as_convolution(&self, params: &Params, set: usize) -> Result<Option<Convolution>> {
        self.layers[set].convolution(params)
    }

    fn replaces(&self) -> Replaces {
        Replaces::Convolution
    }
}
