//! Which images are meant, by name; where they lie is not part of a spec.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Some of the sets of a data set.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// `chammi`, or the name of an own folder.
    pub name: String,
    /// The sets meant, in this order; empty means all that the folder has, in the order of its description.
    pub sets: Vec<String>,
}

impl Selection {
    /// The name of the CHAMMI benchmark.
    pub const CHAMMI: &'static str = "chammi";

    /// Its sets, as its folders are called (WTC-11 lies in `Allen`), in the order in which a step visits them.
    pub const CHAMMI_SETS: [&'static str; 3] = ["Allen", "HPA", "CP"];

    /// Some sets of CHAMMI.
    pub fn chammi(sets: &[&str]) -> Self {
        Self { name: Self::CHAMMI.into(), sets: sets.iter().map(ToString::to_string).collect() }
    }

    /// Whether a set of its data set is meant.
    pub fn reads(&self, set: &str) -> bool {
        self.sets.is_empty() || self.sets.iter().any(|named| named == set)
    }

    /// Whether every set of it is one of `all`; a selection of all of a folder's sets is within all of them only.
    pub fn is_within(&self, all: &Self) -> bool {
        let named = !self.sets.is_empty() && self.sets.iter().all(|set| all.sets.contains(set));
        self.name == all.name && (all.sets.is_empty() || named)
    }

    /// Names all sets where none is named and the data set is known; those of a folder are known to its
    /// description only.
    pub(super) fn write_out(&mut self) {
        if self.name == Self::CHAMMI && self.sets.is_empty() {
            self.sets = Self::CHAMMI_SETS.map(String::from).to_vec();
        }
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if self.sets.is_empty() { Ok(()) } else { write!(f, " ({})", self.sets.join(", ")) }
    }
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
    /// Those of the same network with its random initial weights, pretrained or not.
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
