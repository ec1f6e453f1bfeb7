//! What is done in training for domains that are not in the training set.

use serde::{Deserialize, Serialize};

/// Every strategy there is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Strategy {
    /// Empirical risk minimisation: nothing.
    Erm,
    /// Weights averaged densely over a valley of the held-out loss (Cha et al. 2021), as its authors' code does it.
    Swad(Swad),
    /// Weights averaged after every step from a fixed epoch on: what CHAMMI calls SWAD.
    DenseSwa(DenseSwa),
    /// Features stay close to those of a frozen oracle (Cha et al. 2022).
    Miro(Miro),
}

/// Settings of SWAD.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Swad {
    /// Steps between two looks at the held-out loss; the training ends with such a look.
    pub every: usize,
    /// The valley begins when the loss has not fallen for so many looks. Authors: 3.
    pub converge: usize,
    /// It ends when the loss has been above the threshold for so many looks. Authors: 6.
    pub tolerance: usize,
    /// The threshold is the mean loss of the first looks times 1 + this. Authors: 0.3.
    pub ratio: f64,
}

/// Settings of averaging from a fixed epoch on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DenseSwa {
    /// Averaged are the steps of later epochs. CHAMMI: 5.
    pub start_epoch: usize,
    /// What becomes of the learning rate meanwhile.
    pub rate: SwaRate,
    /// Which weights are kept.
    pub keep: SwaKeep,
}

/// The learning rate while weights are averaged.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum SwaRate {
    /// As the schedule says.
    Scheduled,
    /// It goes to `lr` by a cosine over ten steps and stays there (PyTorch's `SWALR`), the schedule standing still.
    Annealed {
        /// Released: 0.05, under AdamW.
        lr: f64,
    },
}

/// Which weights a training with averaging leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SwaKeep {
    /// The average.
    Average,
    /// The last ones: in the released code the average is neither evaluated nor saved.
    Last,
}

/// Settings of MIRO.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Miro {
    /// Weight of the penalty. CHAMMI: 0.01.
    pub lambda: f64,
    /// Where features are compared.
    pub taps: Taps,
    /// What they are compared with.
    pub oracle: Oracle,
    /// The variances learn at so many times the peak rate, from and to the same ends.
    pub rate_factor: f64,
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
    /// The model as it starts.
    Copy,
    /// A second model with the same published weights and random parts of its own, as released.
    Independent,
}
