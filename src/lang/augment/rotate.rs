//! Rotate: a rotation by any angle.

use super::AugmentWord;
use crate::{
    dsl::change,
    spec::{Augment, InStage, Warp, check::Found},
    word::{StageWord, With, word},
};

word! {
    "train.augment", "rotate", revision 1;
    /// A rotation about the image's centre by a random angle: cells under a microscope have no orientation.
    /// All angles are equally probable, or those up to `.up_to(…)` degrees to either side.
    ///
    /// The image is as large as before; what comes from outside is the image mirrored at its edge. Bilinear, and in
    /// one interpolation with an exact `Tps`. With `Flip`, all symmetries of a plane; `Turn` adds something to
    /// small angles only. Not in CHAMMI.
    pub struct Rotate;
    switches {
        /// The largest angle to either side, in degrees.
        up_to: f64 = 180.0, "not in CHAMMI: every angle";
    }
}
change!(Rotate, With<Rotate>);

impl AugmentWord for Settings {
    fn warps(&self) -> bool {
        true
    }

    fn rescales(&self) -> bool {
        false
    }
}

impl StageWord for Settings {
    fn check(&self, at: &InStage<'_>, found: &mut Found) {
        let up_to = self.up_to;
        let message = || format!("expected a largest angle above 0 and up to 180 degrees, found {up_to}");
        let hint = "`Rotate` alone is every angle; leave it out for none";
        found.unless(up_to > 0.0 && up_to <= 180.0, "rotate_up_to", message, hint);

        let released = |change: &Augment| matches!(change, Augment::Tps(tps) if tps.warp == Warp::Released);
        let message = || "`Rotate` cannot follow `Tps` as released, a coarse grid that exchanges axes".into();
        let hint = "say `.warp(Warp::Exact)` of `Tps`, or leave one of the two out";
        found.unless(!at.stage.augment.iter().any(released), "rotate_after_released_tps", message, hint);
    }

    fn quick(&mut self, _: &InStage<'_>) {}
}
