//! The plain data behind every experiment: what determines a result, and nothing else.
//!
//! Everything below the language (plan, training, scores, store, reports) sees only these types. They are
//! closed enums and structs in a fixed order, with every default written out, so that their JSON is canonical:
//! equal work has equal bytes, and changing a default changes the name of the run ([`id`]).
//! Names, labels, seeds, devices, paths and commits are not here: they are provenance, not identity.

mod adapter;
mod backbone;
mod canonical;
mod data;
mod evaluate;
mod loss;
mod strategy;
mod train;
mod zoo;

pub mod check;
pub mod draft;
pub mod id;
pub(crate) mod lines;
pub mod quick;
pub mod recipe;

pub use adapter::{
    Adapter, ChannelReplication, ClassEmbedding, Coefficients, Depthwise, Embeddings, FirstLayer,
    FixedChannels, HyperNet, NewChannels, Pooling, SetRate, SliceParam, TargetParam, TemplateMixing, View,
};
pub use backbone::{Backbone, ConvNextSize, DinoV2Size, Model, ResNetSize, Weights};
pub use data::{DataRef, Features};
pub use evaluate::{Evaluate, Metric, Protocol};
pub use loss::{Loss, Positives, Scale, ScaleRule, Term};
pub use strategy::{DenseSwa, Miro, Oracle, Strategy, SwaKeep, SwaRate, Swad, Taps};
pub use train::{Augment, AugmentStream, CropFit, Optimiser, Precision, Sampling, Schedule, Train, Warp};
pub use zoo::{PhotographNorm, ZooFacts, ZooModel};

use serde::{Deserialize, Serialize};

/// Raised when the meaning of an existing field changes.
pub const SCHEMA: u32 = 1;

/// One experiment, resolved: every switch has a value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Version of the meaning of these fields ([`SCHEMA`]).
    pub schema: u32,
    /// What is trained.
    pub model: Model,
    /// How it is trained.
    pub train: Train,
    /// How it is scored, in the order in which the experiment says so. The first one fills `results`.
    pub evaluate: Vec<Evaluate>,
}
