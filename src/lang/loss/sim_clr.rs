//! SimClr: two views of an image attract each other.

use super::{Loss, LossWord, temperature};
use crate::{
    dsl::loss,
    needs::Needs,
    spec::{InStage, check::Found, recipe::Recipe},
    word::{Named, StageWord, With, word},
};
use serde::{Deserialize, Serialize};

word! {
    "train.objective", "sim_clr", revision 1;
    /// Two views of an image attract each other, views of other images of the same set repel (Chen et al.
    /// 2020).
    pub struct SimClr {
        /// Cosines are divided by this.
        temperature: f64,
    }
    switches {
        /// Which rows attract.
        positives: Positives = (row_plus_n, same_image, same_image),
            "code: interleaved views, read as halves; appendix: the other view";
    }
}
loss!(NoLabels: SimClr, With<SimClr>);

/// [`SimClr`] at the temperature of the CHAMMI paper.
pub const SSL: SimClr = SimClr::t(0.07);

impl SimClr {
    /// With this temperature. CHAMMI: 0.07.
    pub const fn t(temperature: f64) -> Self {
        Self { temperature }
    }
}

/// Which rows of a batch of two views attract. Views are interleaved: a0, a0', a1, a1', …
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Positives {
    /// The other view of the same image.
    SameImage,
    /// Row (k + n) mod 2n of 2n rows, as released: another image whenever n > 1.
    RowPlusN,
}

impl LossWord for Settings {
    fn needs(&self) -> Needs {
        Needs { views: 2, ..Needs::IMAGES }
    }

    fn in_mix(&self, _: Recipe) -> Loss {
        self.clone().into()
    }
}

impl StageWord for Settings {
    fn check(&self, at: &InStage<'_>, found: &mut Found) {
        temperature(found, Self::KIND, self.temperature);
        let message = || "expected a batch of at least 2 for a loss that compares images, found 1".into();
        let hint = "SimCLR repels the other images of the batch";
        found.unless(at.stage.batch != 1, "batch_of_one", message, hint);
    }

    fn quick(&mut self, _: &InStage<'_>) {}
}
