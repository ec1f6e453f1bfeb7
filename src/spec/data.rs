//! Which images are meant, by name; where they lie is not part of a spec.

use serde::{Deserialize, Serialize};

/// Some of the sets of a data set.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataRef {
    /// `chammi`, or the name of an own folder.
    pub name: String,
    /// The sets meant, in this order; empty means all that the folder has, in the order of its description.
    pub sets: Vec<String>,
}

/// Whose features a table row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Features {
    /// The trained model's.
    Model,
    /// No features: every image gets the most frequent training label.
    Constant,
    /// No features: labels are drawn from the training labels.
    Prior,
    /// Moments, percentiles, gradient energy, radial spectrum, correlations between channels.
    HandMade,
    /// The model's, before training.
    Untrained,
}

impl Features {
    /// The four floors that stand in every table, in the order in which they are printed.
    pub const FLOORS: [Self; 4] = [Self::Constant, Self::Prior, Self::HandMade, Self::Untrained];

    /// The name in the store and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Constant => "constant",
            Self::Prior => "prior",
            Self::HandMade => "hand_made",
            Self::Untrained => "untrained",
        }
    }
}
