//! Flips: random flips of both axes.

use super::AugmentWord;
use crate::{
    dsl::change,
    spec::{Augment, InStage, check::Found},
    word::{StageWord, With, word},
};

word! {
    "train.augment", "flips", revision 1;
    /// A vertical and a horizontal flip, each with probability 0.5, or that of `.p(…)`, whatever the other does (CODA).
    /// With `Turn`, all eight symmetries of a square.
    pub struct Flips;
    switches {
        /// The probability of each.
        p: f64 = 0.5, "CODA's code: each with probability 0.5";
    }
}
change!(Flips, With<Flips>);

impl AugmentWord for Settings {
    fn warps(&self) -> bool {
        false
    }

    fn rescales(&self) -> bool {
        false
    }
}

impl StageWord for Settings {
    fn check(&self, at: &InStage<'_>, found: &mut Found) {
        found.probability("each flip", self.p);
        let beside = at.stage.augment.iter().any(|change| matches!(change, Augment::Flip(_)));
        let message = || "`Flips` flips both axes, and `Flip` one of them again".into();
        found.unless(!beside, "flipped_twice", message, "leave `Flip` out");
    }

    fn quick(&mut self, _: &InStage<'_>) {}
}
