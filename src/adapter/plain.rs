//! The backbone's own stem convolution, for a fixed number of channels (`stem.0`).

use super::{
    Convolution, Images, PATCH, Stem, filters,
    first_layer::{self, OwnStem},
};
use crate::{
    ops::Weight,
    params::{ParamId, Params, Published},
    spec::FirstLayer,
    tape::{Node, Tape},
};
use candle_core::Result;

pub(super) struct Plain {
    weight: ParamId,
    bias: ParamId,
}

impl Plain {
    pub(super) fn new(channels: usize, width: usize, params: &mut Params) -> Self {
        Self::named("stem.0", channels, width, params)
    }

    /// One of several such stems.
    pub(super) fn named(name: &str, channels: usize, width: usize, params: &mut Params) -> Self {
        let shape = [width, channels, PATCH, PATCH];
        Self {
            weight: params.add_normal(Published::new(format!("{name}.weight"), &shape), 0.02),
            bias: params.add_constant(Published::new(format!("{name}.bias"), &[width]), 0.0),
        }
    }

    /// Itself.
    pub(super) fn convolution(&self, params: &Params) -> Result<Option<Convolution>> {
        Ok(Some(Convolution { weight: params.export(self.weight)?, bias: params.export(self.bias)? }))
    }

    /// Starts as the backbone's own stem says, for as many channels as this one has. The bias is always kept.
    pub(super) fn start_as(&self, rule: FirstLayer, stem: &OwnStem, params: &mut Params) -> Result<()> {
        let width = params.published(self.bias).shape[0];
        first_layer::start(rule, self.weight, stem, first_layer::random_sd(width), params)?;
        params.import(self.bias, stem.bias().to_vec())
    }
}

impl Stem for Plain {
    fn forward(&self, tape: &mut Tape, params: &Params, images: &Images) -> Result<Node> {
        filters::expect_channels("the stem", params.published(self.weight).shape[1], images)?;
        let patches = tape.planar_patches(&images.pixels, PATCH)?;
        let weight = tape.param(params, self.weight);
        let shape = (weight.dims()[0], weight.dims()[1..].iter().product());
        let weight = tape.reshape(&weight, shape)?;
        tape.linear(&patches, &weight, Weight::OutIn, Some(&tape.param(params, self.bias)))
    }

    fn as_convolution(&self, params: &Params, _set: usize) -> Result<Option<Convolution>> {
        self.convolution(params)
    }

    fn replaces(&self) -> &'static [&'static str] {
        &[]
    }
}
