//! The plain data behind every experiment: what determines a result, and nothing else.
//!
//! Everything below the language (plan, training, scores, store, reports) sees only these types. They are
//! closed enums and structs in a fixed order, with every default written out, so that their JSON is canonical:
//! equal work has equal bytes, and changing a default changes the name of the run ([`id`]).
//! Names, labels, seeds, devices, paths and commits are not here: they are provenance, not identity.

mod adapt;
mod canonical;
mod classifier;
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
    adapter::{Adapter, Enters, FirstLayer, Models, NewChannels, Samples, SetRate, values::*},
    augment::{Augment, values::*},
    backbone::{
        Backbone, ConvNextSize, DinoV2Size, NetworkFacts, NetworkModel, PositionResize, ResNetSize, RgbNorm,
        VitFeatures, VitSize,
    },
    loss::{Loss, Scale, ScaleRule, Term, values::*},
    protocol::{Metric, ProbeSchedule, Protocol, Reads, Select, Standardised, Target},
    strategy::{Strategy, values::*},
    test_time::TestTime,
};
pub use crate::{
    data::{KNOWN, Known, chammi, jump, known},
    needs::{Locals, Needs, Pairs},
    role::Role,
    word::{Axis, Entry},
};
pub use settings::*;
/// Every word's settings, by the word's name.
pub mod settings {
    pub use crate::{
        adapter::settings::*, augment::settings::*, backbone::settings::*, loss::settings::*,
        protocol::settings::*, strategy::settings::*, test_time::settings::*,
    };
}

pub use adapt::{Adapt, CentreStart, HeadWhileAdapting, KeptStep, StudentStart};
pub use check::Problem;
pub use classifier::Classifier;
pub use condition::Condition;
pub use data::{ADAPTED_TO, Features, Selection};
pub use embedding::{Beside, Embedding, Measured};
pub use evaluate::Evaluate;
pub use model::{Model, PretrainLength, Weights};
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
    /// A classifier on top of it, which is then frozen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classifier: Option<Classifier>,
    /// How it adapts to other images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adapt: Option<Adapt>,
    /// How features are made from what models say.
    #[serde(default, skip_serializing_if = "Embedding::is_plain")]
    pub embedding: Embedding,
    /// Images of which it is kept, for figures, what the model without its classifier says: its features, and how alike they
    /// are in each of its layers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inspect: Vec<Selection>,
    /// How it is scored, in the order in which the experiment says so. The first one fills `results`.
    pub evaluate: Vec<Evaluate>,
}

impl Spec {
    /// Every stage of training: those of the model, that of the classifier on top of it, that of its adaptation.
    pub fn stages(&self) -> impl Iterator<Item = &Stage> {
        let classifier = self.classifier.as_ref().map(|classifier| &classifier.stage);
        let adapt = self.adapt.as_ref().map(|adapt| &adapt.stage);
        self.train.stages.iter().chain(classifier).chain(adapt)
    }

    /// Whether the model that is asked is another one than that which learned from the source.
    pub fn changes_after_training(&self) -> bool {
        self.adapt.is_some() || self.embedding.test_time.is_some()
    }

    /// The same without an adaptation, to a target or to each image.
    #[must_use]
    pub fn as_trained(&self) -> Self {
        let embedding = Embedding { test_time: None, ..self.embedding.clone() };
        Self { adapt: None, embedding, ..self.clone() }
    }

    /// Every choice of images that it reads; some may be there twice.
    pub fn selections(&self) -> impl Iterator<Item = &Selection> {
        let stages = self.stages().filter_map(|stage| stage.on.as_ref());
        let adapted = self.adapt.iter().map(|adapt| &adapt.data);
        let evaluated = self.evaluate.iter().map(|evaluate| &evaluate.data);
        [&self.train.data].into_iter().chain(stages).chain(adapted).chain(evaluated).chain(&self.inspect)
    }

    /// The same, to be changed.
    pub fn stages_mut(&mut self) -> impl Iterator<Item = &mut Stage> {
        let classifier = self.classifier.as_mut().map(|classifier| &mut classifier.stage);
        let adapt = self.adapt.as_mut().map(|adapt| &mut adapt.stage);
        self.train.stages.iter_mut().chain(classifier).chain(adapt)
    }
}
