//! What the pixels of an image are normalised by: moments of its set, or its own.

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
}

impl Norm {
    /// Pixels unchanged.
    pub fn none(channels: usize) -> Self {
        Self::Set(Statistics::none(channels))
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
        }
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
}
