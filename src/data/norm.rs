//! What the pixels of an image are normalised by: moments of its set, its own, or those of each view of it.

use super::{Statistics, Tape, statistics};
use std::borrow::Cow;

/// For the images of a set.
#[derive(Clone, Debug, PartialEq)]
pub enum Norm {
    /// Mean and standard deviation of each channel, the same for all images.
    Set(Statistics),
    /// Mean and standard deviation of each channel of the whole stored image.
    Image {
        /// Added to the standard deviation, of pixels in [0, 1].
        floor: f32,
    },
    /// Mean and standard deviation of each channel of each view.
    View(ByItself),
}

impl Norm {
    /// Pixels unchanged.
    pub fn none(channels: usize) -> Self {
        Self::Set(Statistics::none(channels))
    }

    /// The same for one of the channels.
    ///
    /// # Panics
    /// If there is no such channel.
    #[must_use]
    pub fn channel(&self, channel: usize) -> Self {
        match self {
            Self::Set(Statistics { mean, sd }) => {
                Self::Set(Statistics { mean: vec![mean[channel]], sd: vec![sd[channel]] })
            }
            Self::Image { .. } | Self::View(_) => self.clone(),
        }
    }

    /// For one image.
    pub fn of(&self, tape: &Tape) -> Cow<'_, Statistics> {
        match self {
            Self::Set(statistics) => Cow::Borrowed(statistics),
            Self::Image { floor } => {
                let mut own = statistics::of_image(tape);
                own.sd.iter_mut().for_each(|sd| *sd += floor);
                Cow::Owned(own)
            }
            // Those are known when the view is made: see `finish`.
            Self::View(_) => Cow::Owned(Statistics::none(tape.channels)),
        }
    }

    /// What remains to be done to a view of `channels` planes.
    pub fn finish(&self, channels: usize, view: &mut [f32]) {
        match self {
            Self::Set(_) | Self::Image { .. } => {}
            Self::View(how) => {
                let size = (view.len() / channels.max(1)).max(1);
                view.chunks_exact_mut(size).for_each(|plane| how.normalise(plane));
            }
        }
    }
}

/// How a channel of a view or a crop is normalised by itself: (x − mean) / (SD + `floor`), of pixels in [0, 1].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ByItself {
    /// Taken off the count of pixels: 1 for the unbiased standard deviation, 0 for the population's.
    pub fewer: usize,
    /// Added to the standard deviation.
    pub floor: f64,
}

/// Of a view (CODA).
pub const OF_VIEW: ByItself = ByItself { fewer: 1, floor: 1e-6 };
/// Of a crop (DINO BoC, Cell-DINO).
pub const OF_CROP: ByItself = ByItself { fewer: 0, floor: 1e-7 };

impl ByItself {
    /// What the sum of squares of so many pixels is divided by.
    pub fn degrees(self, pixels: usize) -> f64 {
        (pixels - self.fewer).max(1) as f64
    }

    /// Normalises one channel.
    pub fn normalise(self, plane: &mut [f32]) {
        let mean = plane.iter().map(|x| f64::from(*x)).sum::<f64>() / plane.len() as f64;
        let squares: f64 = plane.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum();
        let scale = 1.0 / ((squares / self.degrees(plane.len())).sqrt() + self.floor);
        plane.iter_mut().for_each(|x| *x = ((f64::from(*x) - mean) * scale) as f32);
    }
}

impl From<Statistics> for Norm {
    fn from(statistics: Statistics) -> Self {
        Self::Set(statistics)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Pixels, eval_view};

    /// numpy: `(x - x.mean()) / (x.std() + 0.1)` of [0, 102, 204, 102] / 255 and of a flat channel.
    #[test]
    fn an_image_is_normalised_by_itself() {
        let tape =
            Tape { pixels: vec![0, 102, 51, 51, 204, 102, 51, 51].into(), height: 2, width: 2, channels: 2 };
        let norm = Norm::Image { floor: 0.1 };
        let mut out = [0.0; 8];
        eval_view(&tape, 2, &norm.of(&tape), &mut out);
        let sd = 0.08f32.sqrt() + 0.1;
        let expected = [-0.4 / sd, 0.0, 0.4 / sd, 0.0, 0.0, 0.0, 0.0, 0.0];
        for (found, expected) in out.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{out:?}");
        }
        let floats = Tape {
            pixels: Pixels::Floats(vec![0.0, 102.0, 51.0, 51.0, 204.0, 102.0, 51.0, 51.0]),
            ..tape.clone()
        };
        for (bytes, floats) in norm.of(&tape).sd.iter().zip(&norm.of(&floats).sd) {
            assert!((bytes - floats).abs() < 1e-6);
        }
    }

    /// numpy: `(x - x.mean()) / (x.std() + 1e-7)`.
    #[test]
    fn each_channel_is_normalised_by_itself() {
        let mut image = [0.0, 0.4, 0.8, 0.4, 0.2, 0.2, 0.2, 0.2];
        Norm::View(OF_CROP).finish(2, &mut image);
        let root = 2f32.sqrt();
        for (found, expected) in image.iter().zip([-root, 0.0, root, 0.0, 0.0, 0.0, 0.0, 0.0]) {
            assert!((found - expected).abs() < 1e-6, "{image:?}");
        }
    }
}
