//! The language of experiments: the rules for combining settings.
//!
//! ```text
//! backbone  .scratch() | .pretrained(weights)     what starts
//!           .adapter(word)                        how channels come in
//!           .train_on(data)                       on what
//!           .loss(weighted sum) | .frozen()       towards what
//!           .strategy(Erm | Swad | DenseSwa | Miro)   for which domains   (after .loss)
//!           .then(weighted sum)                   another stage, from where the one before ended
//!           .on(data)                             a stage's images, if not all   (after .loss or .then)
//!           .classify(backbone)                   a classifier on the frozen model   (after a loss without labels)
//!           .adapt(Oda | Coda, data)              the last stage goes on, on other images
//!           .at_test_time(Ttt)                    training on each image that is asked   (a masked autoencoder under a classifier)
//!           .inspect(data)                        what is kept of a transformer itself, for figures
//!           .augment .lr .epochs .seeds …         values, in any order after .train_on
//!           .window(224) .normalise(Image) .symmetries() .beside(HandMade, 0.3) .ensemble(3)   what a model sees, and what is made of it
//!           .evaluate(protocol.on(data))          scored how          (at least once)
//! ```
//!
//! The settings are in the folders next to this one, one file each. Here are the rules for combining them:
//! the type parameters of [`Run`] record what was chosen; small traits named after what they allow carry the
//! messages that the compiler prints. Every declaration ends as plain data: a [`Declared`] spec.

mod adapt;
mod adapter;
mod augment;
mod backbone;
mod classify;
mod data;
mod embedding;
mod evaluation;
mod experiments;
mod exposure;
mod inspect;
mod normalise;
mod objective;
mod order;
mod report;
mod run;
mod strategy;
mod test_time;
mod values;

pub use adapt::{
    Adaptation, Adapted, Batch, Coda, GoesOn, Granularity, Oda, OneOfSeveral, Plate, Source, SpansPlates,
};
pub use adapter::{
    Adapts, ExtendsToNewChannels, KeepsLabels, OneModelPerSet, ReadBy, StemAdapter, Trainable,
};
pub use augment::{Augmentation, Changes};
pub use backbone::{
    Backbone, File, ImageNet1k, ImageNet22k, LearnsHere, Lvd142m, NeedsAdapter, Scratch, Simulated,
    SimulatedLong, Size, StartsWith, Transformer, WeightsFor,
};
pub use classify::{Classified, WithoutLabels};
pub use data::{DataWord, Having, TrainingData, Without};
pub use embedding::{HandMade, HandMadeStandardised, MeasuredFeatures};
pub use evaluation::{AnsweredBy, Answers, Evaluation, OfClassifier, OfFeatures, On};
pub use experiments::{Declared, Experiments};
pub use exposure::{DataSetWord, Less, Meets, Next, No, NotKnown, PlannerDecides, Seen, Unseen, Yes, Zero};
pub use normalise::{ByImage, ByView, EachView, Image, Normalisation, Rules};
pub use objective::{
    Convex, Frozen, HasStage, Labels, LossNotSaid, NoLabels, NoLoss, Objective, Or, Sum, Towards, Trains,
    Weighted,
};
pub use order::{HasAdapter, HasData, HasWeights};
pub use report::Report;
pub use run::{Evaluated, Model, NotEvaluated, Run, Scored};
pub use strategy::{Guides, Strategy, UsesLabels};
pub use test_time::{AtTestTime, ChangedByEach, DrawsPatches, LearnsOnEachImage};

pub use crate::{
    adapter::{Replicating, said::*},
    augment::said::*,
    backbone::said::*,
    data::{chammi::Part, said::*},
    loss::said::*,
    protocol::said::*,
    strategy::said::*,
    test_time::said::*,
    word::With,
};

/// The sizes of backbones, as types: which weights are published depends on them.
pub mod size {
    pub use crate::backbone::size::*;
}

pub(crate) use {
    adapter::stem,
    augment::{change, sum},
    backbone::sizes,
    objective::loss,
};

#[cfg(test)]
mod tests;
