//! Augmentations of training images: the axis and the facts of each. They are applied in this order, whatever
//! their order in a sum.

mod brightness;
mod crop;
mod flip;
mod flips;
mod intensity;
mod microscope;
mod rotate;
mod tps;
mod turn;

use crate::{axis::axis, spec::InStage};

axis! {
    /// An augmentation of training images; applied in this order, whatever their order in a sum.
    pub enum Augment: AugmentWord, StageWord(InStage<'_>) {
        Tps = tps::{Tps; Warp},
        Rotate = rotate::{Rotate;},
        Crop = crop::{Crop; CropFit},
        Flip = flip::{Flip;},
        Flips = flips::{Flips;},
        Turn = turn::{Turn;},
        Brightness = brightness::{Brightness;},
        Microscope = microscope::{Microscope;},
        Intensity = intensity::{Intensity;},
    }
    /// The facts of an augmentation.
    facts {
        /// Whether each pixel comes from somewhere of its own, which takes longer than everything else, and memory for the whole
        /// image.
        fn warps(&self) -> bool;
        /// Whether it resizes what it cuts out, so that pixels have no scale of their own.
        fn rescales(&self) -> bool;
    }
}
