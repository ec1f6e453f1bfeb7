//! How a model is scored.

use super::DataRef;
use serde::{Deserialize, Serialize};

/// One protocol on one data set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evaluate {
    /// The classifier on top of the features.
    pub protocol: Protocol,
    /// The images.
    pub data: DataRef,
}

/// Every protocol there is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Protocol {
    /// The label of the nearest training image (CHAMMI, section 3.3).
    OneNn {
        /// What "nearest" means.
        metric: Metric,
    },
}

impl Protocol {
    /// The name in the store and in JSON: `one_nn_cosine`.
    pub fn name(&self) -> String {
        match self {
            Self::OneNn { metric } => format!("one_nn_{}", metric.name()),
        }
    }
}

/// What "nearest" means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Largest cosine. The paper's.
    Cosine,
    /// Smallest Euclidean distance. The default of the published evaluator.
    L2,
}

impl Metric {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cosine => "cosine",
            Self::L2 => "l2",
        }
    }
}
