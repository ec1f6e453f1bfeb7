//! Miro: features stay close to an oracle's.

use super::StrategyWord;
use crate::{
    dsl::{self, Guides, Objective},
    spec::{InStage, Weights, check::Found},
    word::{Says, StageWord, With, word},
};
use serde::{Deserialize, Serialize};
use toml::Table;

word! {
    "train.strategy", "miro", revision 1;
    /// Features stay close to those of the initial model (Cha et al. 2022). CHAMMI: `Miro { lambda: 0.01 }`.
    pub struct Miro {
        /// Weight of the penalty. CHAMMI: 0.01.
        pub lambda: f64,
    }
    switches {
        /// Where features are compared.
        taps: Taps = (branches, three_stages, stages),
            "code: stem and residual branches; appendix: stem, stages 1 to 3; MIRO's authors: block outputs";
        /// What they are compared with.
        oracle: Oracle = (independent, copy, copy), "code: a second instance; MIRO's authors: the pretrained model";
        /// The learning rate of the variances as a multiple of the peak rate, with the same start and end.
        rate_factor: f64 = 10.0, "code: miro_lr_mult";
    }
}

/// Where features are compared with the oracle's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Taps {
    /// The normalised stem output and the output of each stage.
    Stages,
    /// The normalised stem output and the output of the first three stages, as the appendix says.
    ThreeStages,
    /// The normalised stem output and the last residual branch of each stage, before it is added, as released.
    Branches,
}

/// What features are compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Oracle {
    /// The initial model.
    Copy,
    /// A second model with the same published weights and its own random parts, as released.
    Independent,
}

impl<W: Guides, O: Objective> dsl::Strategy<W, O> for Miro {
    fn strategy(self) -> Table {
        self.table()
    }
}

impl<W: Guides, O: Objective> dsl::Strategy<W, O> for With<Miro> {
    fn strategy(self) -> Table {
        self.table()
    }
}

impl StrategyWord for Settings {
    fn hold_out(&self) -> Option<f64> {
        None
    }

    fn oracle(&self) -> Option<Oracle> {
        Some(self.oracle)
    }
}

impl StageWord for Settings {
    fn check(&self, at: &InStage<'_>, found: &mut Found) {
        found.above_zero("miro_lambda", "a weight for MIRO", self.lambda, "CHAMMI: 0.01");
        found.above_zero("miro_rate", "a factor for the variances' rate", self.rate_factor, "CHAMMI: 10");

        let message = || "MIRO needs a pretrained oracle, and this model starts from scratch".into();
        let hint = "start with `.pretrained(ImageNet22k)`, or take another strategy";
        found.unless(at.spec.model.weights != Weights::Scratch, "miro_needs_oracle", message, hint);
    }

    fn quick(&mut self, _: &InStage<'_>) {}
}
