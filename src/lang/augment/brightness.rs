//! Brightness: each channel multiplied by a random factor.

use super::AugmentWord;
use crate::{
    dsl::change,
    spec::{InStage, check::Found},
    word::{StageWord, word},
};

word! {
    "train.augment", "brightness", revision 1;
    /// Each channel multiplied by its own factor, normal around 1 with this standard deviation and at least
    /// 0.5, clipped to the range of pixels, as staining and exposure vary (DINO BoC: 0.2). Not in CHAMMI.
    pub struct Brightness(
        /// Standard deviation of the factors.
        sd: f64
    );
}
change!(Brightness);

impl AugmentWord for Settings {
    fn warps(&self) -> bool {
        false
    }

    fn rescales(&self) -> bool {
        false
    }
}

impl StageWord for Settings {
    fn check(&self, _: &InStage<'_>, found: &mut Found) {
        found.not_negative("brightness", "a standard deviation of brightness", self.sd);
    }

    fn quick(&mut self, _: &InStage<'_>) {}
}
