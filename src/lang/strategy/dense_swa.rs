//! DenseSwa: weights averaged from a fixed epoch on.

use super::{Oracle, StrategyWord};
use crate::{
    dsl::{self, Objective},
    spec::{InStage, check::Found, quick},
    word::{Says, StageWord, With, word},
};
use serde::{Deserialize, Serialize};
use toml::Table;

word! {
    "train.strategy", "dense_swa", revision 1;
    /// Weights averaged after every step of the epochs after this one: what CHAMMI calls SWAD, with epoch 5.
    pub struct DenseSwa {
        /// The steps of later epochs are averaged.
        pub start_epoch: usize,
    }
    switches {
        /// The learning rate while weights are averaged.
        rate: SwaRate = ({"kind": "annealed", "lr": 0.05}, {"kind": "scheduled"}, {"kind": "scheduled"}),
            "code: SWALR to 0.05 within ten steps; the paper does not say",
            guessed "the rate behind the published SWAD rows";
        /// Which weights are stored.
        keep: SwaKeep = (last, average, average), "code: the average is neither evaluated nor saved";
    }
}

/// The learning rate while weights are averaged.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum SwaRate {
    /// As scheduled.
    Scheduled,
    /// It moves to `lr` by a cosine over ten steps and stays there (PyTorch's `SWALR`); the schedule is
    /// suspended.
    Annealed {
        /// Released: 0.05, under AdamW.
        lr: f64,
    },
}

/// Which weights a training with averaging stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SwaKeep {
    /// The average.
    Average,
    /// The last ones: the released code neither evaluates nor saves the average.
    Last,
}

impl<W, O: Objective> dsl::Strategy<W, O> for DenseSwa {
    fn strategy(self) -> Table {
        self.table()
    }
}

impl<W, O: Objective> dsl::Strategy<W, O> for With<DenseSwa> {
    fn strategy(self) -> Table {
        self.table()
    }
}

impl StrategyWord for Settings {
    fn hold_out(&self) -> Option<f64> {
        None
    }

    fn oracle(&self) -> Option<Oracle> {
        None
    }
}

impl StageWord for Settings {
    fn check(&self, at: &InStage<'_>, found: &mut Found) {
        let (start, epochs) = (self.start_epoch, at.stage.epochs);
        let message =
            || format!("weights are averaged after epoch {start}, and the training has {epochs} epochs");
        let hint = "average earlier or train longer; CHAMMI: after epoch 5 of 15";
        found.unless(start < epochs || epochs == 0, "swa_after_the_end", message, hint);
        if let SwaRate::Annealed { lr } = self.rate {
            found.above_zero("swa_rate", "a rate while weights are averaged", lr, "released: 0.05");
        }
    }

    /// From the same fraction of the epochs on.
    fn quick(&mut self, at: &InStage<'_>) {
        let epochs = at.stage.epochs;
        self.start_epoch = self.start_epoch * quick::EPOCHS.min(epochs) / epochs.max(1);
    }
}
