//! No first layer: each channel is passed on unchanged, for a backbone that takes RGB images.

use super::{Entry, Images, Replaces};
use crate::pass::{Entered, Pass};
use candle_core::Result;

/// Passes channels on unchanged.
pub(super) struct Grey;

impl Entry for Grey {
    fn enter(&self, _: &mut Pass<'_>, images: &Images) -> Result<Entered> {
        Ok(Entered::Grey(images.pixels.clone()))
    }

    fn replaces(&self) -> Replaces {
        Replaces::Nothing
    }

    fn takes_channels_apart(&self) -> bool {
        true
    }
}
