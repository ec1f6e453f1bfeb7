//! ChannelReplication: each channel passes through an unchanged backbone as a grey RGB image, and the
//! features of all channels are concatenated (CHAMMI, section 4.1). Not trained.

use super::{Entry, Images, plain::Plain};
use crate::{
    backbone::grey_to_rgb,
    params::Params,
    pass::{Entered, Pass},
};
use candle_core::Result;

pub(super) struct ChannelReplication(Plain);

impl ChannelReplication {
    pub(super) fn new(width: usize, params: &mut Params) -> Self {
        Self(Plain::new(3, width, params))
    }
}

impl Entry for ChannelReplication {
    fn enter(&self, pass: &mut Pass<'_>, images: &Images) -> Result<Entered> {
        let pixels = grey_to_rgb(&images.pixels)?;
        self.0.enter(pass, &Images { pixels, set: images.set })
    }

    fn replaces(&self) -> &'static [&'static str] {
        &[]
    }

    fn takes_channels_apart(&self) -> bool {
        true
    }
}
