//! No first layer: each channel of an image as it is, for a backbone that sees photographs.

use super::{Entry, Images};
use crate::pass::{Entered, Pass};
use candle_core::Result;

/// Channels as they are.
pub(super) struct Grey;

impl Entry for Grey {
    fn enter(&self, _: &mut Pass<'_>, images: &Images) -> Result<Entered> {
        Ok(Entered::Grey(images.pixels.clone()))
    }

    fn replaces(&self) -> &'static [&'static str] {
        &[]
    }

    fn takes_channels_apart(&self) -> bool {
        true
    }
}
