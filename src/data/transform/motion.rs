//! How pixels move before the crop: warped, rotated, or both in one interpolation.

use super::{
    Draw,
    resample::Planes,
    rotate::Rotation,
    sample::sample,
    warp::{self, Back, Displacements},
};
use crate::spec::Warp;

/// Where each pixel of the moved image comes from, for images of one size.
pub(super) enum Motion {
    /// Rotated only.
    Rotation(Rotation),
    /// The exact warp, rotated or not.
    Spline(Back),
    /// The warp as released, with height and width.
    Released(Displacements, [usize; 2]),
}

/// A motion as numbers.
pub(super) enum Terms {
    /// Unit, affine part, centres and weights; the number of centres.
    Spline(Vec<f32>, usize),
    /// Points (row, column), and their numbers down and across.
    Grid(Vec<f32>, [usize; 2]),
}

impl Motion {
    /// The motion of a draw; none: pixels stay where they are.
    ///
    /// # Panics
    /// If a warp as released is rotated, which a rule of the language forbids: its map is known at coarse points only.
    pub(super) fn of(draw: &Draw, height: usize, width: usize) -> Option<Self> {
        let rotation = (draw.angle != 0.0).then(|| Rotation::of(draw.angle, height, width));
        Some(match &draw.warp {
            None => Self::Rotation(rotation?),
            Some((Warp::Exact, moved)) => Self::Spline(Back::of(height, width, moved, rotation.as_ref())),
            Some((Warp::Released, moved)) => {
                assert!(rotation.is_none(), "a warp as released is not rotated");
                Self::Released(moved.clone(), [height, width])
            }
        })
    }

    /// The moved image, channels × height × width, in the units of the source.
    pub(super) fn apply<P: Copy + Into<f32>>(&self, image: &Planes<'_, P>) -> Vec<f32> {
        match self {
            Self::Rotation(rotation) => sample(image, rotation.map()),
            Self::Spline(back) => sample(image, back.map()),
            Self::Released(moved, [height, width]) => sample(image, warp::released(*height, *width, moved)),
        }
    }

    /// The motion as numbers for a GPU, for which a rotation is a spline without centres.
    pub(super) fn terms(&self) -> Terms {
        match self {
            Self::Rotation(rotation) => {
                let shift = rotation.shift().into_iter().flat_map(|[across, down]| [down, across]);
                Terms::Spline([1.0].into_iter().chain(shift).map(|number| number as f32).collect(), 0)
            }
            Self::Spline(back) => back.terms(),
            Self::Released(moved, [height, width]) => warp::released_terms(*height, *width, moved),
        }
    }
}
