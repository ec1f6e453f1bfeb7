//! HierarchicalAttention: one projection for all channels, each of which is a sequence of its own behind a token of its own.

use super::{Entry, Images, Replaces, first_layer::OwnStem, plain::Plain};
use crate::{
    backbone::Stem,
    params::{ParamId, Params, Published},
    pass::{Entered, MapsApart, Pass},
    spec::{self, FromRgb},
};
use candle_core::Result;

/// The standard deviation of the initial token: that of DINOv2's class token.
const TOKEN_SD: f64 = 1e-6;

pub(super) struct HierarchicalAttention {
    layer: Plain,
    /// (1, 1, width), the same for every channel.
    token: ParamId,
    from_rgb: FromRgb,
    channel_terms: bool,
}

impl HierarchicalAttention {
    pub(super) fn new(word: &spec::HierarchicalAttention, own: Stem, params: &mut Params) -> Self {
        let spec::HierarchicalAttention { from_rgb, channel_terms } = *word;
        Self {
            layer: Plain::new(1, own, params),
            token: params.add_normal(Published::new("ch_token", &[1, 1, own.width]), TOKEN_SD),
            from_rgb,
            channel_terms,
        }
    }
}

impl Entry for HierarchicalAttention {
    fn enter(&self, pass: &mut Pass<'_>, images: &Images) -> Result<Entered> {
        let (n, channels, height, width) = images.pixels.dims4()?;
        let pixels = images.pixels.reshape((n * channels, 1, height, width))?;
        let maps = self.layer.enter(pass, &Images { pixels, set: images.set })?.maps()?;
        let token = pass.tape.param(pass.params, self.token);
        let token = pass.tape.reshape(&token, (1, maps.dims()[3]))?;
        Ok(Entered::Apart(MapsApart { maps, channels, token }))
    }

    fn start(&self, stem: &OwnStem, params: &mut Params) -> Result<()> {
        self.layer.start_as_grey(self.from_rgb, stem, params)
    }

    fn replaces(&self) -> Replaces {
        Replaces::Convolution
    }

    fn has_patches_of_channels(&self) -> bool {
        true
    }

    fn teaches_channels(&self) -> bool {
        self.channel_terms
    }
}
