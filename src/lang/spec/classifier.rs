//! A classifier on top of a frozen extractor: the second half of CODA's dual model.

use super::{Backbone, Stage, Weights};
use serde::{Deserialize, Serialize};

/// A vision transformer that reads all tokens of the model, each through one linear map, in place of patches of its own. It
/// has no positions of its own; the model's class token becomes its class token (CODA, section 3.2). The model is frozen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Classifier {
    /// The transformer.
    pub backbone: Backbone,
    /// Where its training starts.
    pub weights: Weights,
    /// How it is trained, on the images that the model was trained on.
    pub stage: Stage,
}
