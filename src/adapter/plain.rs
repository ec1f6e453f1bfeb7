//! The backbone's own stem convolution, for a fixed number of channels (`stem.0`).

use super::{Images, PATCH, Stem};
use crate::{
    ops::{self, Weight},
    params::{ParamId, Params, Published},
    tape::{Node, Tape},
};
use candle_core::Result;

pub(super) struct Plain {
    weight: ParamId,
    bias: ParamId,
}

impl Plain {
    pub(super) fn new(channels: usize, width: usize, params: &mut Params) -> Self {
        let shape = [width, channels, PATCH, PATCH];
        Self {
            weight: params.add_normal(Published::new("stem.0.weight", &shape), 0.02),
            bias: params.add_constant(Published::new("stem.0.bias", &[width]), 0.0),
        }
    }
}

impl Stem for Plain {
    fn forward(&self, tape: &mut Tape, params: &Params, images: &Images) -> Result<Node> {
        let patches = ops::planar_patches(&images.pixels, PATCH)?;
        let weight = tape.param(params, self.weight);
        let shape = (weight.dims()[0], weight.dims()[1..].iter().product());
        let weight = tape.reshape(&weight, shape)?;
        tape.linear(&patches, &weight, Weight::OutIn, Some(&tape.param(params, self.bias)))
    }

    fn replaces(&self) -> &'static [&'static str] {
        &[]
    }
}
