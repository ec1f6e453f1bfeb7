//! FixedChannels: the backbone's own stem, with as many inputs as the one set of this model has channels (CHAMMI,
//! section 4.1). Each set has a model of its own; the plan makes one training for each.

use super::{Convolution, Images, SetChannels, Stem, first_layer::OwnStem, plain::Plain};
use crate::{
    params::Params,
    spec,
    tape::{Node, Tape},
};
use candle_core::Result;

pub(super) struct FixedChannels {
    layer: Plain,
    start: spec::FirstLayer,
}

impl FixedChannels {
    /// # Panics
    /// If there is more than one set: the plan gives each its own model.
    pub(super) fn new(
        word: &spec::FixedChannels,
        sets: &[SetChannels],
        width: usize,
        params: &mut Params,
    ) -> Self {
        let [set] = sets else { panic!("the plan makes a model of its own for each set") };
        Self { layer: Plain::new(set.channels.len(), width, params), start: word.first_layer }
    }
}

impl Stem for FixedChannels {
    fn forward(&self, tape: &mut Tape, params: &Params, images: &Images) -> Result<Node> {
        self.layer.forward(tape, params, images)
    }

    fn start(&self, stem: &OwnStem, params: &mut Params) -> Result<()> {
        self.layer.start_as(self.start, stem, params)
    }

    fn as_convolution(&self, params: &Params, _set: usize) -> Result<Option<Convolution>> {
        self.layer.convolution(params)
    }

    fn replaces(&self) -> &'static [&'static str] {
        super::CONVOLUTION
    }
}
