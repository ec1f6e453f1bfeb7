//! Intensity: each channel a little brighter or darker, linearly and by an exponent.

use super::AugmentWord;
use crate::{
    dsl::change,
    spec::{InStage, check::Found},
    word::{StageWord, With, word},
};

word! {
    "train.augment", "intensity", revision 1;
    /// CODA's random intensity and brightness: with probability `p`, each channel of pixels in [0, 1] is shifted by a normal
    /// draw, then raised to an exponent drawn around 1; clipped to [0, 1] after each.
    ///
    /// The exponent is at most one standard deviation from 1. Where each view is normalised by itself (`EachView`), a shift
    /// changes only what is clipped.
    pub struct Intensity;
    switches {
        /// Its probability.
        p: f64 = 0.5, "CODA's code: 0.5";
        /// Standard deviation of the shifts.
        shift: f64 = 0.005, "CODA's code: `intensity` 0.005";
        /// Standard deviation of the exponents around 1, and their largest distance from it.
        exponent: f64 = 0.005, "CODA's code: `brightness` 0.005, clipped to 0.995 … 1.005";
    }
}
change!(Intensity, With<Intensity>);

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
        found.probability("a change of intensity", self.p);
        found.not_negative("intensity", "a standard deviation of shifts of intensity", self.shift);
        let exponent = self.exponent;
        let message =
            || format!("expected a standard deviation of exponents from 0 to below 1, found {exponent}");
        let holds = (0.0..1.0).contains(&exponent);
        found.unless(holds, "intensity", message, "CODA: 0.005; 0 switches it off");
    }

    fn quick(&mut self, _: &InStage<'_>) {}
}
