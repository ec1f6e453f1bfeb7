//! FixedChannels: the backbone's own stem, with one input per channel of the model's only set (CHAMMI,
//! section 4.1). Each set has its own model; the plan makes one training for each.

use super::{Convolution, Entry, Images, Replaces, SetChannels, first_layer::OwnStem, plain::Plain};
use crate::{
    backbone::Stem,
    params::Params,
    pass::{Entered, Pass},
    spec,
};
use candle_core::Result;

pub(super) struct FixedChannels {
    layer: Plain,
    start: spec::FirstLayer,
}

impl FixedChannels {
    /// # Panics
    /// If there is more than one set: the plan makes one model per set.
    pub(super) fn new(
        word: &spec::FixedChannels,
        sets: &[SetChannels],
        own: Stem,
        params: &mut Params,
    ) -> Self {
        let [set] = sets else { panic!("the plan makes one model per set") };
        Self { layer: Plain::new(set.channels.len(), own, params), start: word.first_layer }
    }
}

impl Entry for FixedChannels {
    fn enter(&self, pass: &mut Pass<'_>, images: &Images) -> Result<Entered> {
        self.layer.enter(pass, images)
    }

    fn start(&self, stem: &OwnStem, params: &mut Params) -> Result<()> {
        self.layer.start_as(self.start, stem, params)
    }

    fn as_convolution(&self, params: &Params, _set: usize) -> Result<Option<Convolution>> {
        self.layer.convolution(params)
    }

    fn planes(&self) -> Option<usize> {
        self.layer.planes()
    }

    fn replaces(&self) -> Replaces {
        Replaces::Convolution
    }
}
