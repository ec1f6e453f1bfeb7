//! What changes over a training with a teacher: times, momenta, rates, clipping.

use serde::{Deserialize, Serialize};

/// A part of a training, from its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Span {
    /// Passes over the training images, whole ones or not.
    Epochs(f64),
    /// A share of all steps.
    Share(f64),
}

impl Span {
    /// Its steps in a training of `total`, `epoch` of them in each epoch.
    pub fn steps(self, epoch: u64, total: u64) -> u64 {
        let steps = match self {
            Self::Epochs(epochs) => epochs * epoch as f64,
            Self::Share(share) => share * total as f64,
        };
        steps.round() as u64
    }

    /// As a share of any training: the usual one, if it was said in epochs.
    pub(in crate::loss) fn as_share(self, usual: f64) -> Self {
        match self {
            Self::Epochs(0.0) => Self::Share(0.0),
            Self::Epochs(_) => Self::Share(usual),
            Self::Share(share) => Self::Share(share),
        }
    }

    /// Whether it is a length of time.
    pub(in crate::loss) fn is_one(self) -> bool {
        match self {
            Self::Epochs(epochs) => epochs >= 0.0 && epochs.is_finite(),
            Self::Share(share) => (0.0..=1.0).contains(&share),
        }
    }
}

/// The share of its weights that a teacher keeps, over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Momentum {
    /// It rises to 1 along a cosine; steps are counted from 1, as in CODA's code.
    Cosine,
    /// The same with steps counted from 0, as in DINO's code.
    CosineFromStart,
    /// It is the same in all steps.
    Constant,
}

/// How a learning rate rises to its peak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ramp {
    /// Each step by the same amount; the peak comes after the ramp.
    Even,
    /// The last step of the ramp has the peak, as in DINO's code.
    Inclusive,
    /// As CODA's code does under PyTorch 2: each step has the rate of the next one, so that the peak is one step higher.
    Late,
}

/// Whether gradients are clipped.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clipping {
    /// They are not.
    Never,
    /// All of them together to at most this Euclidean norm.
    Global(f64),
    /// Those of each tensor to at most this norm.
    PerTensor(f64),
    /// Those of the backbone together, and of each head, to at most this norm.
    PerNetwork(f64),
}

/// The length of prototypes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gain {
    /// 1, so that logits are cosines.
    Fixed,
    /// It is learned.
    Free,
}
