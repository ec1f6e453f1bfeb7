//! How the features of an image are made from what models say of it.

use super::{
    Spec, TestTime, bounds,
    check::{Found, has_twice},
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// From the outputs of models to the vector that is compared. By default it is what one model says of the image.
///
/// What the parts say is set side by side, each part scaled to length 1 and then by its weight, so that distances add up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Embedding {
    /// Models that differ by their seeds only, side by side as one; member `k` of `n` has seed `n · seed + k`.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub members: usize,
    /// Whether a model's features are the mean over the eight symmetries of a square.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub symmetries: bool,
    /// What becomes of a model in front of each image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_time: Option<TestTime>,
    /// Features that no model computes, beside those of the models.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beside: Vec<Beside>,
}

/// Features beside those of models.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Beside {
    /// Which.
    pub features: Measured,
    /// Their length, where that of the models' features together is 1.
    pub weight: f64,
}

/// Features that are measured, not learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measured {
    /// Those of the hand-made floor, with mean 0 and standard deviation 1 over `Train`.
    HandMade,
    /// Those of images whose channels were each standardised, as in the stricter floor.
    HandMadeStandardised,
}

fn one() -> usize {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_one(members: &usize) -> bool {
    *members == 1
}

impl Default for Embedding {
    fn default() -> Self {
        Self { members: 1, symmetries: false, test_time: None, beside: vec![] }
    }
}

impl Embedding {
    /// Whether it is what one model says of the image.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// The seeds of the models of a run: neighbours, so that runs of single models with these seeds share their work, and
    /// runs of neighbouring seeds have no model in common.
    pub fn seeds(&self, seed: u64) -> Vec<u64> {
        match self.members {
            1 => vec![seed],
            members => {
                let first = seed.wrapping_mul(members as u64);
                (0..members as u64).map(|member| first.wrapping_add(member)).collect()
            }
        }
    }

    pub(super) fn check(&self, spec: &Spec, found: &mut Found) {
        found.within(&bounds::MEMBERS, self.members);
        self.test_time.iter().for_each(|way| way.check(spec, found));
        for Beside { weight, .. } in &self.beside {
            let hint = "0.3 is usual: hand-made features then decide where learned ones do not";
            found.above_zero("beside_weight", "a weight of the features beside the model's", *weight, hint);
        }
        let kinds: Vec<Measured> = self.beside.iter().map(|beside| beside.features).collect();
        let message = || "the same features are beside the model's twice".into();
        found.unless(!has_twice(&kinds), "beside_twice", message, "give them one weight");
    }
}

/// `3 models as one, mean over 8 symmetries, beside 0.3 of hand-made features`; empty if it is plain.
impl fmt::Display for Embedding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let members = (self.members > 1).then(|| format!("{} models as one", self.members));
        let symmetries = self.symmetries.then(|| "mean over 8 symmetries".to_owned());
        let one = |Beside { features, weight }: &Beside| match features {
            Measured::HandMade => format!("{weight} of hand-made features"),
            Measured::HandMadeStandardised => format!("{weight} of those of standardised images"),
        };
        let all: Vec<String> = self.beside.iter().map(one).collect();
        let beside = (!all.is_empty()).then(|| format!("beside {}", all.join(" and ")));
        let trained = self.test_time.as_ref().map(|way| format!("after {way}"));
        let words: Vec<String> = [members, symmetries, trained, beside].into_iter().flatten().collect();
        f.write_str(&words.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_of_several_models_shares_them_with_single_runs_and_with_no_other_of_its_kind() {
        let seeds = |members, seed| Embedding { members, ..Embedding::default() }.seeds(seed);
        assert_eq!(seeds(1, 7), [7]);
        assert_eq!(seeds(3, 0), [0, 1, 2]);
        assert_eq!(seeds(3, 1), [3, 4, 5]);
        assert_eq!(seeds(2, u64::MAX).len(), 2, "no seed is too large");
    }

    #[test]
    fn defaults_are_not_written() {
        assert_eq!(serde_json::to_string(&Embedding::default()).unwrap(), "{}");
        assert_eq!(serde_json::from_str::<Embedding>("{}").unwrap(), Embedding::default());
        let all = Embedding {
            members: 3,
            symmetries: true,
            test_time: None,
            beside: vec![Beside { features: Measured::HandMade, weight: 0.3 }],
        };
        let json = serde_json::to_string(&all).unwrap();
        assert_eq!(serde_json::from_str::<Embedding>(&json).unwrap(), all);
        assert_eq!(
            all.to_string(),
            "3 models as one, mean over 8 symmetries, beside 0.3 of hand-made features"
        );
    }
}
