//! Flip: a random horizontal flip.

use super::AugmentWord;
use crate::{
    dsl::change,
    spec::{InStage, check::Found},
    word::{StageWord, With, word},
};

word! {
    "train.augment", "flip", revision 1;
    /// A horizontal flip with probability 0.5, or that of `.p(…)`.
    pub struct Flip;
    switches {
        /// Its probability.
        p: f64 = 0.5, "code: horizontal only";
    }
}
change!(Flip, With<Flip>);

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
        found.probability("a flip", self.p);
    }

    fn quick(&mut self, _: &InStage<'_>) {}
}
