//! How a model is scored.

use super::{Protocol, Selection};
use serde::{Deserialize, Serialize};

/// One protocol on one data set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evaluate {
    /// The classifier on top of the features.
    pub protocol: Protocol,
    /// The images.
    pub data: Selection,
}
