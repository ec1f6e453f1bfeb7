//! Tps: a random thin-plate spline.

use super::AugmentWord;
use crate::{
    dsl::change,
    spec::{InStage, check::Found, recipe::switch},
    word::{StageWord, With, word},
};
use serde::{Deserialize, Serialize};

word! {
    "train.augment", "tps", revision 1;
    /// A random thin-plate spline on this share of the images (CHAMMI, section 3.2; nine control points, up to a tenth
    /// of the height).
    ///
    /// The probability behind the published rows is unknown; `Tps::default()` is 0.5, the default of the
    /// authors' class and our choice.
    pub struct Tps(
        /// Its probability.
        p: f64
    );
    switches {
        /// Which implementation.
        warp: Warp = (released, exact, exact),
            "code: coarse map, zoom, exchanged axes; appendix: a thin-plate spline";
    }
    rows [switch!("train.augment.tps.p", 0.5, "code: the class's own default",
        "the probability behind the published TPS rows")]
}
change!(Tps, With<Tps>);

impl Default for Tps {
    fn default() -> Self {
        Self(0.5)
    }
}

/// Which thin-plate spline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Warp {
    /// As released: coarse map, slight zoom, axes swapped on elongated images.
    Released,
    /// The exact spline, displacements scaled by each axis.
    Exact,
}

impl AugmentWord for Settings {
    fn warps(&self) -> bool {
        true
    }

    fn rescales(&self) -> bool {
        false
    }
}

impl StageWord for Settings {
    fn check(&self, _: &InStage<'_>, found: &mut Found) {
        found.probability("a thin-plate spline", self.p);
    }

    fn quick(&mut self, _: &InStage<'_>) {}
}
