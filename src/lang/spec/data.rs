//! Which images are meant, by name; where they are is not part of a spec.

use super::condition::{self, Condition, Words};
use crate::data;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Some of the sets of a data set, and some of their images.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// `chammi`, or the name of an own folder.
    pub name: String,
    /// The sets meant, in this order; empty means all that the folder has, in the order of its description.
    pub sets: Vec<String>,
    /// The images meant: those for which all of these hold; none: all images. Trained on are such images of `Train`; asked
    /// are such images of tasks, and all of `Train` answers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<Condition>,
}

/// What the key of scores says in front of the part of a target that their model is adapted to.
pub const ADAPTED_TO: &str = "adapted to ";

impl Selection {
    /// These sets of a data set, with all of their images; no set: all of them.
    pub fn new(name: &str, sets: &[&str]) -> Self {
        Self { name: name.into(), sets: sets.iter().map(ToString::to_string).collect(), only: vec![] }
    }

    /// The same sets with all of their images.
    #[must_use]
    pub fn all_images(&self) -> Self {
        Self { only: vec![], ..self.clone() }
    }

    /// The key of its images in a table of scores: `batch=B3`; empty if it is about all images.
    pub fn part(&self) -> String {
        condition::key(&self.only)
    }

    /// The same where a model that is adapted to one part of a target answers: `adapted to plate=P1`.
    pub fn part_by(&self, adapted_to: Option<&Condition>) -> String {
        let Some(part) = adapted_to else { return self.part() };
        let by = format!("{ADAPTED_TO}{}", condition::key(std::slice::from_ref(part)));
        if self.only.is_empty() { by } else { format!("{}; {by}", self.part()) }
    }

    /// The images meant, in a sentence: `batch B3 and plate P1`.
    pub fn images(&self) -> impl fmt::Display + '_ {
        Words(&self.only)
    }

    /// Whether a set of its data set is meant.
    pub fn reads(&self, set: &str) -> bool {
        self.sets.is_empty() || self.sets.iter().any(|named| named == set)
    }

    /// Whether every image of it is one of `all`; a selection of all of a folder's sets is within all of them only.
    pub fn is_within(&self, all: &Self) -> bool {
        let named = !self.sets.is_empty() && self.sets.iter().all(|set| all.sets.contains(set));
        self.name == all.name && (all.sets.is_empty() || named) && condition::is_within(&self.only, &all.only)
    }

    /// Names all sets where none is named and the data set is known (those of a folder are known to its
    /// description only), and puts conditions in order.
    pub(super) fn write_out(&mut self) {
        if let (Some(known), true) = (data::known(&self.name), self.sets.is_empty()) {
            self.sets = known.sets.iter().map(ToString::to_string).collect();
        }
        condition::in_order(&mut self.only);
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if !self.sets.is_empty() {
            write!(f, " ({})", self.sets.join(", "))?;
        }
        if self.only.is_empty() { Ok(()) } else { write!(f, " having {}", self.images()) }
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
    /// The same of images whose channels were each standardised.
    HandMadeStandardised,
    /// Those of the same network with its random initial weights, pretrained or not.
    Untrained,
}

impl Features {
    /// The floors of every table, in its order.
    pub const FLOORS: [Self; 5] =
        [Self::Constant, Self::Prior, Self::HandMade, Self::HandMadeStandardised, Self::Untrained];

    /// The heading of its column in a table of tasks.
    pub const fn head(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Constant => "constant",
            Self::Prior => "prior",
            Self::HandMade => "hand-made",
            Self::HandMadeStandardised => "standardised",
            Self::Untrained => "untrained",
        }
    }

    /// The name in the store and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Constant => "constant",
            Self::Prior => "prior",
            Self::HandMade => "hand_made",
            Self::HandMadeStandardised => "hand_made_standardised",
            Self::Untrained => "untrained",
        }
    }
}
