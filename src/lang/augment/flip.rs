//! Flip: a random horizontal flip.

use super::AugmentWord;
use crate::{
    dsl::change,
    spec::{Spec, check::Found},
    word::{With, Word, word},
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
}

impl Word for Settings {
    fn check(&self, _: &Spec, found: &mut Found) {
        found.probability("a flip", self.p);
    }

    fn quick(&mut self, _: &Spec) {}
}
