//! The backbone's own stem convolution, for a fixed number of channels.

use super::{
    Convolution, Entry, Images, Replaces, filters,
    first_layer::{self, OwnStem},
};
use crate::{
    backbone::Stem,
    ops::Weight,
    params::{ParamId, Params, Published},
    pass::{Entered, Pass},
    spec::{FirstLayer, FromRgb},
};
use candle_core::Result;

pub(super) struct Plain {
    channels: usize,
    weight: ParamId,
    bias: ParamId,
    own: Stem,
}

impl Plain {
    pub(super) fn new(channels: usize, own: Stem, params: &mut Params) -> Self {
        Self::named(own.name, channels, own, params)
    }

    /// One of several such stems.
    pub(super) fn named(name: &str, channels: usize, own: Stem, params: &mut Params) -> Self {
        let Stem { width, patch, .. } = own;
        let shape = [width, channels, patch, patch];
        Self {
            channels,
            weight: params.add_with(Published::new(format!("{name}.weight"), &shape), |stream, out| {
                own.draw_weight(channels, stream, out);
            }),
            bias: params.add_with(Published::new(format!("{name}.bias"), &[width]), |stream, out| {
                own.draw_bias(channels, stream, out);
            }),
            own,
        }
    }

    /// The layer itself, which is a plain convolution.
    pub(super) fn convolution(&self, params: &Params) -> Result<Option<Convolution>> {
        Ok(Some(Convolution { weight: params.export(self.weight)?, bias: params.export(self.bias)? }))
    }

    /// Initialises from the backbone's own stem according to `rule`, for this number of channels. The bias is
    /// always copied.
    pub(super) fn start_as(&self, rule: FirstLayer, stem: &OwnStem, params: &mut Params) -> Result<()> {
        first_layer::start(rule, self.weight, stem, first_layer::random_sd(self.own), params)?;
        params.import(self.bias, stem.bias().to_vec())
    }

    /// The same for the planes of an image: three are red, green and blue; any other number C starts with the mean of the
    /// three times 3/C each, so that the sum over planes stays.
    pub(super) fn start_as_planes(&self, stem: &OwnStem, params: &mut Params) -> Result<()> {
        first_layer::start_planes(self.weight, stem, params)?;
        params.import(self.bias, stem.bias().to_vec())
    }

    /// The same for a single channel.
    pub(super) fn start_as_grey(&self, from: FromRgb, stem: &OwnStem, params: &mut Params) -> Result<()> {
        match from {
            FromRgb::Sum => first_layer::start_planes(self.weight, stem, params)?,
            FromRgb::Mean => first_layer::start_mean(self.weight, stem, params)?,
        }
        params.import(self.bias, stem.bias().to_vec())
    }
}

impl Entry for Plain {
    fn enter(&self, pass: &mut Pass<'_>, images: &Images) -> Result<Entered> {
        let Pass { tape, params, .. } = pass;
        filters::expect_channels("the stem", params.published(self.weight).shape[1], images)?;
        let patches = tape.planar_patches(&images.pixels, self.own.patch)?;
        let weight = tape.param(params, self.weight);
        let shape = (weight.dims()[0], weight.dims()[1..].iter().product());
        let weight = tape.reshape(&weight, shape)?;
        let bias = tape.param(params, self.bias);
        Ok(Entered::Maps(tape.linear(&patches, &weight, Weight::OutIn, Some(&bias))?))
    }

    fn as_convolution(&self, params: &Params, _set: usize) -> Result<Option<Convolution>> {
        self.convolution(params)
    }

    fn planes(&self) -> Option<usize> {
        Some(self.channels)
    }

    fn replaces(&self) -> Replaces {
        Replaces::Nothing
    }
}
