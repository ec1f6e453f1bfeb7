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
    View,
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
            // Those are known when the view is made: see `finish`.
            Self::View => Cow::Owned(Statistics::none(tape.channels)),
        }
    }

    /// What remains to be done to a view of `channels` planes.
    pub fn finish(&self, channels: usize, view: &mut [f32]) {
        match self {
            Self::Set(_) | Self::Image { .. } => {}
            Self::View => {
                let size = (view.len() / channels.max(1)).max(1);
                view.chunks_exact_mut(size).for_each(by_itself);
            }
        }
    }
}

/// Added to the standard deviation of a view's channel.
pub const OF_VIEW: f64 = 1e-6;

/// (x − mean) / (SD + 1e-6), with the unbiased standard deviation of the plane.
fn by_itself(plane: &mut [f32]) {
    let count = plane.len() as f64;
    let mean = plane.iter().map(|x| f64::from(*x)).sum::<f64>() / count;
    let squares: f64 = plane.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum();
    let sd = (squares / (count - 1.0).max(1.0)).sqrt() + OF_VIEW;
    plane.iter_mut().for_each(|x| *x = ((f64::from(*x) - mean) / sd) as f32);
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
