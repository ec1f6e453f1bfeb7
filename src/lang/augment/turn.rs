//! Turn: one of the four quarter turns.

use super::AugmentWord;
use crate::{
    dsl::change,
    spec::{InStage, check::Found},
    word::{StageWord, word},
};

word! {
    "train.augment", "turn", revision 1;
    /// One of the four quarter turns, with equal probability: cells under a microscope have no orientation.
    /// With `Flip`, all eight symmetries of a square. Not in CHAMMI.
    pub struct Turn;
}
change!(Turn);

impl AugmentWord for Settings {
    fn warps(&self) -> bool {
        false
    }

    fn rescales(&self) -> bool {
        false
    }
}

impl StageWord for Settings {
    fn check(&self, _: &InStage<'_>, _: &mut Found) {}

    fn quick(&mut self, _: &InStage<'_>) {}
}
