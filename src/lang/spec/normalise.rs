//! How pixels are normalised in front of a model, where not by mean and standard deviation of `Train`.

use super::check::{Found, Problem, twice};
use serde::{Deserialize, Serialize};

/// A rule for the images of some sets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Normalise {
    /// The sets, by name; none: all sets that no other rule names.
    pub sets: Vec<String>,
    /// What their pixels are normalised by.
    pub by: Moments,
}

/// Whose mean and standard deviation pixels are normalised by.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Moments {
    /// Those of the channel in the whole stored image: (x − mean) / (SD + floor), before any augmentation.
    Image {
        /// Added to the standard deviation, of pixels in [0, 1]: what is fainter than this stays faint.
        floor: f64,
    },
    /// Those of the channel in each view, after cropping and augmentation: (x − mean) / (SD + 1e-6), with the unbiased SD.
    View,
}

impl Moments {
    /// What is said to be added to the standard deviation.
    pub fn floor(self) -> Option<f64> {
        match self {
            Self::Image { floor } => Some(floor),
            Self::View => None,
        }
    }
}

/// The rule for a set's images; none: mean and standard deviation of each channel over `Train`.
pub fn moments_of(rules: &[Normalise], set: &str) -> Option<Moments> {
    let named = rules.iter().find(|rule| rule.sets.iter().any(|named| named == set));
    named.or_else(|| rules.iter().find(|rule| rule.sets.is_empty())).map(|rule| rule.by)
}

/// What the rules say of one set, as a rule about all sets.
pub fn of_set(rules: &[Normalise], set: &str) -> Vec<Normalise> {
    moments_of(rules, set).map(|by| Normalise { sets: vec![], by }).into_iter().collect()
}

/// Rules about the rules. Whether their sets exist is the planner's.
pub(super) fn check(rules: &[Normalise], found: &mut Found) {
    for floor in rules.iter().filter_map(|rule| rule.by.floor()) {
        let hint = "0.02 of the range of pixels is usual, 0.1 where some images are almost empty";
        found.above_zero("normalise_floor", "a floor of the standard deviation", floor, hint);
    }
    let names: Vec<&str> = rules.iter().flat_map(|rule| &rule.sets).map(String::as_str).collect();
    let twice = twice(&names);
    let message =
        || format!("the images of `{}` are normalised in two ways", twice.copied().unwrap_or_default());
    found.unless(twice.is_none(), "normalised_twice", message, "name each set in one rule");
    let message = || "all other sets are normalised in two ways".into();
    let several = rules.iter().filter(|rule| rule.sets.is_empty()).count() > 1;
    found.unless(!several, "normalised_twice", message, "leave `.on([…])` out of one rule at most");
}

/// A set that is named in a rule and is not there.
pub fn strangers<'a>(rules: &'a [Normalise], known: &'a [String]) -> impl Iterator<Item = Problem> + 'a {
    let named = rules.iter().flat_map(|rule| &rule.sets).filter(|name| !known.contains(name));
    named.map(|name| Problem {
        rule: "normalised_set",
        message: format!("a normalisation is said for `{name}`, which is neither trained on nor evaluated"),
        hint: format!("the sets are {}", known.join(", ")),
    })
}
