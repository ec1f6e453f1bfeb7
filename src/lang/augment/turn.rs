//! Turn: one of the four quarter turns.

use super::AugmentWord;
use crate::{
    dsl::change,
    spec::{InStage, check::Found},
    word::{StageWord, word},
};

word! {
    "train.augment", "turn", revision 1;
    /// One of the four quarter turns, each as often: cells under a microscope have no up. With `Flip`, all eight
    /// symmetries of a square. Not in CHAMMI.
    pub struct Turn;
}
change!(Turn);

impl AugmentWord for Settings {
    fn warps(&self) -> bool {
        false
    }
}

impl StageWord for Settings {
    fn check(&self, _: &InStage<'_>, _: &mut Found) {}

    fn quick(&mut self, _: &InStage<'_>) {}
}
