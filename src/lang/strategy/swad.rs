//! Swad: weights averaged over a valley of the held-out loss.

use super::{Oracle, StrategyWord};
use crate::{
    dsl::{self, Objective, UsesLabels},
    needs::Needs,
    spec::{InStage, bounds, check::Found},
    word::{Says, StageWord, word},
};
use toml::Table;

word! {
    "train.strategy", "swad", revision 1;
    /// Weights averaged densely over a valley of the held-out loss (Cha et al. 2021), as in its authors'
    /// code: the valley begins where the loss stops falling and ends where it has risen above a threshold.
    /// `Swad::default()` has the authors' numbers, and holds out a fifth of the training images unless
    /// `.hold_out(…)` is set. CHAMMI's "SWAD" is `DenseSwa`.
    pub struct Swad {
        /// Steps between two evaluations of the held-out loss; the training ends with one.
        pub every: usize,
        /// The valley begins when the loss has not fallen for this number of evaluations. Authors: 3.
        pub converge: usize,
        /// It ends when the loss has been above the threshold for this number of evaluations. Authors: 6.
        pub tolerance: usize,
        /// The threshold is the mean loss of the first evaluations times 1 + this. Authors: 0.3.
        pub ratio: f64,
    }
}

/// The share that its authors hold out of each domain.
const HOLD_OUT: f64 = 0.2;
/// Steps between two evaluations in `quick`.
const SMALL_EVERY: usize = 40;

impl Default for Swad {
    fn default() -> Self {
        Self { every: 100, converge: 3, tolerance: 6, ratio: 0.3 }
    }
}

impl<W, O: Objective<Supervision: UsesLabels>> dsl::Strategy<W, O> for Swad {
    fn strategy(self) -> Table {
        self.table()
    }
}

impl StrategyWord for Settings {
    fn hold_out(&self) -> Option<f64> {
        Some(HOLD_OUT)
    }

    fn oracle(&self) -> Option<Oracle> {
        None
    }
}

impl StageWord for Settings {
    fn check(&self, at: &InStage<'_>, found: &mut Found) {
        for number in [self.every, self.converge, self.tolerance] {
            found.within(&bounds::SWAD, number);
        }
        found.not_negative("swad_ratio", "a ratio for SWAD's threshold", self.ratio);

        let message = || "SWAD monitors a held-out loss, and nothing is held out".into();
        let hint = "say `.hold_out(0.2)`, as its authors do";
        found.unless(at.spec.train.hold_out > 0.0, "swad_without_hold_out", message, hint);

        let message = || "SWAD monitors a held-out loss, and this loss reads no labels".into();
        let hint = "add a loss that reads labels, such as `ProxyNca::t(0.07)`, or take `DenseSwa`";
        found.unless(Needs::of(&at.stage.objective).labels, "swad_without_labels", message, hint);
    }

    fn quick(&mut self, _: &InStage<'_>) {
        self.every = self.every.min(SMALL_EVERY);
    }
}
