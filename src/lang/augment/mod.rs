//! What is done to training images: every change there is. Whatever their order in a sum, they act in this one.

mod brightness;
mod crop;
mod flip;
mod tps;
mod turn;

use crate::{axis::axis, spec::InStage};

axis! {
    /// A change to a training image; whatever their order in a sum, they act in this one.
    pub enum Augment: AugmentWord, StageWord(InStage<'_>) {
        Tps = tps::{Tps; Warp},
        Crop = crop::{Crop; CropFit},
        Flip = flip::{Flip;},
        Turn = turn::{Turn;},
        Brightness = brightness::{Brightness;},
    }
    /// What a change to images answers.
    facts {
        /// Whether it bends the image, which takes longer than everything else that is done to it.
        fn warps(&self) -> bool;
    }
}
