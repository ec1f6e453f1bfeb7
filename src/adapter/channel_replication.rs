//! ChannelReplication: each channel passes through an unchanged backbone as a grey photograph, and the features of
//! all channels stand side by side (CHAMMI, section 4.1). Not trained.

use super::{Images, Stem, plain::Plain};
use crate::{
    params::Params,
    tape::{Node, Tape},
};
use candle_core::Result;

pub(super) struct ChannelReplication(Plain);

impl ChannelReplication {
    pub(super) fn new(width: usize, params: &mut Params) -> Self {
        Self(Plain::new(3, width, params))
    }
}

impl Stem for ChannelReplication {
    fn forward(&self, tape: &mut Tape, params: &Params, images: &Images) -> Result<Node> {
        let (n, channels, height, width) = images.pixels.dims4()?;
        let grey = images.pixels.reshape((n * channels, 1, height, width))?;
        let pixels = grey.repeat((1, 3, 1, 1))?;
        self.0.forward(tape, params, &Images { pixels, set: images.set })
    }

    fn replaces(&self) -> &'static [&'static str] {
        &[]
    }

    fn takes_channels_apart(&self) -> bool {
        true
    }
}
