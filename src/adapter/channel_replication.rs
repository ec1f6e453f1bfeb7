//! ChannelReplication: each channel passes through an unchanged backbone as a grey RGB image, and the
//! features of all channels are concatenated (CHAMMI, section 4.1). Not trained.

use super::{Entry, Images, Replaces, plain::Plain};
use crate::{
    backbone::{Stem, grey_to_rgb},
    params::Params,
    pass::{Entered, Pass},
};
use candle_core::Result;

pub(super) struct ChannelReplication(Plain);

impl ChannelReplication {
    pub(super) fn new(own: Stem, params: &mut Params) -> Self {
        Self(Plain::new(3, own, params))
    }
}

impl Entry for ChannelReplication {
    fn enter(&self, pass: &mut Pass<'_>, images: &Images) -> Result<Entered> {
        let pixels = grey_to_rgb(&images.pixels)?;
        self.0.enter(pass, &Images { pixels, set: images.set })
    }

    fn replaces(&self) -> Replaces {
        Replaces::Nothing
    }

    fn takes_channels_apart(&self) -> bool {
        true
    }
}
