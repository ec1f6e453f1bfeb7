//! How many images pass through a network at once without filling memory: by what two small ones take.

use super::{Embedder, Error};
use crate::{adapter::Images, device};
use candle_core::{DType, Tensor};
use std::sync::PoisonError;

/// Numbers of a batch from which on its memory is reckoned first; smaller ones take about a gigabyte at most.
const RECKONED: usize = 1 << 22;
/// Sides of the images that are tried.
const TRIED: [usize; 2] = [256, 512];
/// How many times as many bytes each pixel of the larger one must take for the square to count: less is rounding of
/// blocks, and its square would be huge.
const GROWS: f64 = 1.25;

/// Bytes that a pass takes for each pixel of an image, and for each square of its number of pixels: attention compares
/// all places of an image with all others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Footprint {
    each: f64,
    squared: f64,
}

impl Footprint {
    fn of([(small, few), (large, many)]: [(f64, f64); 2]) -> Self {
        let (few, many) = (few / small, many / large);
        let squared = if many > GROWS * few { (many - few) / (large - small) } else { 0.0 };
        Self { each: many - squared * large, squared }
    }

    /// Bytes of an image with this number of pixels and channels, with the image itself.
    pub(super) fn bytes(self, pixels: usize, channels: usize) -> f64 {
        let pixels = pixels as f64;
        4.0 * pixels * channels as f64 + self.each * pixels + self.squared * pixels * pixels
    }
}

impl Embedder {
    /// Measures it for images of set `number` with this number of channels, once.
    fn footprint(&self, number: usize, channels: usize) -> Result<Footprint, Error> {
        let mut known = self.footprints.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(footprint) = known.get(&(number, channels)) {
            return Ok(*footprint);
        }
        let one = |side: usize| -> Result<(f64, f64), Error> {
            let pixels = Tensor::zeros((1, channels, side, side), DType::F32, self.params.device())?;
            let memory = device::Peak::begin(self.params.device());
            self.model.embed(&self.params, &Images { pixels, set: number })?;
            Ok(((side * side) as f64, memory.bytes() as f64))
        };
        let footprint = Footprint::of([one(TRIED[0])?, one(TRIED[1])?]);
        known.insert((number, channels), footprint);
        Ok(footprint)
    }

    /// How many of `images` images of this size go together.
    ///
    /// # Errors
    /// [`Error::Memory`] if not even one fits.
    pub(super) fn together(
        &self,
        number: usize,
        channels: usize,
        (height, width): (usize, usize),
        images: usize,
    ) -> Result<usize, Error> {
        let pixels = height.saturating_mul(width);
        if images.saturating_mul(channels).saturating_mul(pixels) < RECKONED {
            return Ok(images);
        }
        let Some(free) = device::available(self.params.device()) else { return Ok(images) };
        let needed = self.footprint(number, channels)?.bytes(pixels, channels);
        match (free as f64 / needed) as usize {
            0 => Err(Error::Memory { height, width, channels, needed: needed as u64, free }),
            fitting => Ok(fitting.min(images)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_points_give_both_parts() {
        let of = |side: f64| 200.0 * side * side + 0.01 * side.powi(4);
        let footprint = Footprint::of([64.0, 128.0].map(|side| (side * side, of(side))));
        assert!(
            (footprint.each - 200.0).abs() < 1e-6 && (footprint.squared - 0.01).abs() < 1e-9,
            "{footprint:?}"
        );
        assert!((footprint.bytes(1000 * 1000, 2) - of(1000.0) - 8e6).abs() < 1.0);
        // Without growth, the larger one counts.
        assert_eq!(Footprint::of([(10.0, 30.0), (20.0, 66.0)]), Footprint { each: 3.3, squared: 0.0 });
    }
}
