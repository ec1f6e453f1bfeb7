//! The patch embedding of a published transformer, and what its images are before: channels as its planes or each for itself,
//! normalised, padded.

use super::{Entry, Images, Replaces, filters, plain::Plain};
use crate::{
    backbone::{Stem, framed},
    params::Params,
    pass::{Entered, Pass},
};
use candle_core::{Result, Tensor};

/// How the images of a published transformer come in.
#[derive(Clone, Debug, PartialEq)]
pub struct Planes {
    /// Planes of its images.
    pub count: usize,
    /// Whether each channel passes for itself, the same on all planes; otherwise channels are planes, in order.
    pub apart: bool,
    /// Mean and standard deviation of each plane, of pixels from 0 to 1.
    pub norm: Option<[Vec<f32>; 2]>,
    /// Whether sides are padded with zeros to multiples of the patch.
    pub padded: bool,
}

pub(super) struct AsPublished {
    planes: Planes,
    layer: Plain,
    patch: usize,
}

impl AsPublished {
    pub(super) fn new(planes: Planes, own: Stem, params: &mut Params) -> Self {
        Self { layer: Plain::new(planes.count, own, params), planes, patch: own.patch }
    }
}

impl Entry for AsPublished {
    fn enter(&self, pass: &mut Pass<'_>, images: &Images) -> Result<Entered> {
        let Planes { count, apart, norm, padded } = &self.planes;
        let mut pixels = images.pixels.clone();
        if *apart {
            let (n, channels, height, width) = pixels.dims4()?;
            pixels = pixels.reshape((n * channels, 1, height, width))?.repeat((1, *count, 1, 1))?;
        } else {
            filters::expect_channels("the patch embedding", *count, images)?;
        }
        if let Some([mean, sd]) = norm {
            let of = |values: &[f32]| Tensor::from_slice(values, (1, values.len(), 1, 1), pixels.device());
            pixels = pixels.broadcast_sub(&of(mean)?)?.broadcast_div(&of(sd)?)?;
        }
        if *padded {
            pixels = framed(&pixels, self.patch)?;
        }
        self.layer.enter(pass, &Images { pixels: pixels.contiguous()?, set: images.set })
    }

    fn replaces(&self) -> Replaces {
        Replaces::Nothing
    }

    fn pads(&self) -> bool {
        self.planes.padded
    }

    fn takes_channels_apart(&self) -> bool {
        self.planes.apart
    }
}
