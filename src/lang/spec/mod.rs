//! The plain data behind every experiment: what determines a result, and nothing else.
//!
//! Everything below the language (plan, training, scores, store, reports) sees only these types. They are
//! closed enums and structs in a fixed order, with every default written out, so that their JSON is canonical:
//! equal work has equal bytes, and changing a default changes the name of the run ([`id`]).
//! Names, labels, seeds, devices, paths and commits are not here: they are provenance, not identity.

mod canonical;
mod condition;
mod data;
mod embedding;
mod evaluate;
mod model;
mod stage;
mod train;

pub mod bounds;
pub mod check;
pub mod id;
pub mod kind;
pub mod lines;
pub mod normalise;
pub mod quick;
pub mod recipe;
mod upgrade;

pub use crate::{
    adapter::{Adapter, Enters, FirstLayer, Models, NewChannels, SetRate, values::*},
    augment::{Augment, values::*},
    backbone::{
        Backbone, ConvNextSize, DinoV2Size, NetworkFacts, NetworkModel, PositionResize, ResNetSize, RgbNorm,
        VitFeatures, VitSize,
    },
    loss::{Loss, Scale, ScaleRule, Term, values::*},
    protocol::{Metric, Protocol, Reads, Standardised, Target},
    strategy::{Strategy, values::*},
};
pub use crate::{
    data::{KNOWN, Known, chammi, known},
    needs::Needs,
    role::Role,
    word::{Axis, Entry},
};
pub use settings::*;
/// Every word's settings, by the word's name.
pub mod settings {
    pub use crate::{
        adapter::settings::*, augment::settings::*, backbone::settings::*, loss::settings::*,
        protocol::settings::*, strategy::settings::*,
    };
}

pub use check::Problem;
pub use condition::Condition;
pub use data::{Features, Selection};
pub use embedding::{Beside, Embedding, Measured};
pub use evaluate::Evaluate;
pub use model::{Model, Weights};
pub use normalise::{Moments, Normalise};
pub use stage::{AugmentStream, InStage, Optimiser, Sampling, Schedule, Stage};
pub use train::{Precision, Train};
pub use upgrade::{Unreadable, upgrade};

use serde::{Deserialize, Serialize};

/// Raised when the meaning of an existing field changes. [`upgrade`] reads the specs of earlier schemas.
pub const SCHEMA: u32 = 2;

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
    /// How features are made from what models say.
    #[serde(default, skip_serializing_if = "Embedding::is_plain")]
    pub embedding: Embedding,
    /// How it is scored, in the order in which the experiment says so. The first one fills `results`.
    pub evaluate: Vec<Evaluate>,
}
