//! ChannelReplication: each channel passes through an unchanged backbone as a grey photograph, and the features of
//! all channels stand side by side (CHAMMI, section 4.1). Not trained.

use super::{Images, Stem, plain::Plain};
use crate::{
    params::Params,
    tape::{Node, Tape},
};
use candle_core::{Result, Tensor};

pub(super) struct ChannelReplication(Plain);

impl ChannelReplication {
    pub(super) fn new(width: usize, params: &mut Params) -> Self {
        Self(Plain::new(3, width, params))
    }
}

impl Stem for ChannelReplication {
    fn forward(&self, tape: &mut Tape, params: &Params, images: &Images) -> Result<Node> {
        let pixels = photographs(&images.pixels)?;
        self.0.forward(tape, params, &Images { pixels, set: images.set })
    }

    fn replaces(&self) -> &'static [&'static str] {
        &[]
    }

    fn takes_channels_apart(&self) -> bool {
        true
    }
}

/// Images (N, C, H, W) as N·C grey photographs (N·C, 3, H, W).
///
/// # Errors
/// If they have not four axes.
pub fn photographs(images: &Tensor) -> Result<Tensor> {
    let (n, channels, height, width) = images.dims4()?;
    images.reshape((n * channels, 1, height, width))?.repeat((1, 3, 1, 1))?.contiguous()
}
