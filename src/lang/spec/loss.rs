//! What is minimised.

use serde::{Deserialize, Serialize};

/// One term of a weighted sum.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// Its share, rounded to 1e-9.
    pub weight: f64,
    /// The loss itself.
    pub loss: Loss,
}

/// Every loss there is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Loss {
    /// A linear classifier over all classes of the training sets, and the cross-entropy of its softmax.
    CrossEntropy,
    /// Cross-entropy with the pooled features themselves as logits: what the released "combined" loss computes
    /// where the paper says ProxyNCA++ (section 5.3 of the specification). The class ids are the logits' indices.
    CeOnFeatures,
    /// Softmax over distances to one proxy per class, features and proxies normalised (CHAMMI, section 3.2).
    ProxyNca {
        /// Distances are divided by this, or by what starts there.
        temperature: f64,
        /// By what features and proxies are multiplied.
        scale: Scale,
        /// Whether proxies learn; in the released code they keep their random start.
        train_proxies: bool,
    },
    /// Two views of an image attract, views of other images of the same set repel.
    SimClr {
        /// Cosines are divided by this.
        temperature: f64,
        /// Which rows attract.
        positives: Positives,
    },
}

impl Loss {
    /// ProxyNCA++ whose proxies are trained, at a fixed temperature.
    pub const fn proxy_nca(temperature: f64) -> Self {
        Self::ProxyNca { temperature, scale: Scale::Fixed, train_proxies: true }
    }

    /// The name of the term in the store: `loss/<name>`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::CrossEntropy => "cross_entropy",
            Self::CeOnFeatures => "ce_on_features",
            Self::ProxyNca { .. } => "proxy_nca",
            Self::SimClr { .. } => "sim_clr",
        }
    }

    /// How many independently augmented views of each image it needs.
    pub fn views(&self) -> usize {
        match self {
            Self::SimClr { .. } => 2,
            _ => 1,
        }
    }

    /// Whether it reads labels.
    pub fn uses_labels(&self) -> bool {
        !matches!(self, Self::SimClr { .. })
    }
}

/// By what normalised features and proxies are multiplied before distances are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Scale {
    /// √(1/T), always.
    Fixed,
    /// e to a number that starts as `rule` says: the release's `learnable_temp`.
    Learned {
        /// Where it starts.
        rule: ScaleRule,
        /// Whether it learns; in the released code it is in no group of the optimiser.
        trained: bool,
    },
}

/// Where a learned scale starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScaleRule {
    /// √(1/T), so that distances are divided by T as the name says.
    SquareRoot,
    /// 1/T, as released: distances are divided by T².
    Inverse,
}

impl ScaleRule {
    /// The scale at temperature `t`.
    pub fn scale(self, t: f64) -> f64 {
        match self {
            Self::SquareRoot => (1.0 / t).sqrt(),
            Self::Inverse => 1.0 / t,
        }
    }
}

/// Which rows of a batch of two views attract. Views are interleaved: a0, a0', a1, a1', …
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Positives {
    /// The other view of the same image.
    SameImage,
    /// Row (k + n) mod 2n of 2n rows, as released: another image whenever n > 1.
    RowPlusN,
}
