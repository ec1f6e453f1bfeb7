//! The words an experiment is written in, and the rules for combining them.
//!
//! ```text
//! backbone  .scratch() | .pretrained(weights)     what starts
//!           .adapter(word)                        how channels come in
//!           .train_on(data)                       on what
//!           .loss(weighted sum) | .frozen()       towards what
//!           .strategy(Erm | Swad | DenseSwa | Miro)   for which domains   (after .loss)
//!           .augment .lr .epochs .seeds …         values, in any order after .train_on
//!           .evaluate(protocol.on(data))          scored how          (at least once)
//! ```
//!
//! The type parameters of [`Run`] remember what was chosen; small traits named after what they allow carry
//! the messages that the compiler prints. Every sentence ends as plain data: a [`Declared`] spec.

mod adapter;
mod augment;
mod backbone;
mod data;
mod evaluation;
mod experiments;
mod objective;
mod order;
mod report;
mod run;
mod strategy;
mod values;
mod with;

pub use adapter::{
    Adapts, ChannelReplication, Depthwise, ExtendsToNewChannels, FixedChannels, HyperNet, OneModelPerSet,
    ReadBy, Replicating, SliceParam, StemAdapter, TargetParam, TemplateMixing, Trainable,
};
pub use augment::{
    Augmentation, Brightness, Changes, Crop, Flip, RandomCrop, RandomFlip, RandomTps, Tps, Turn,
};
pub use backbone::{
    Backbone, ConvNext, DinoV2, ImageNet1k, ImageNet22k, LearnsHere, Lvd142m, NeedsAdapter, ResNet, Scratch,
    Size, StartsWith, WeightsFor, size,
};
pub use data::{
    Chammi, Cp, DataWord, Folder, Hpa, Meets, Only, Part, PlannerDecides, Seen, TrainingData, Unseen,
    Without, Wtc,
};
pub use evaluation::{Evaluation, On, OneNn};
pub use experiments::{Declared, Experiments};
pub use objective::{
    Convex, CrossEntropy, Frozen, Labels, LossNotSaid, NoLabels, NoLoss, Objective, Or, PROXY, ProxyNca, SSL,
    SimClr, Sum, Towards, Trains, Weighted,
};
pub use order::{HasAdapter, HasData, HasWeights};
pub use report::Report;
pub use run::{Evaluated, Model, NotEvaluated, Run, Scored};
pub use strategy::{DenseSwa, Erm, Guides, Miro, Strategy, Swad, UsesLabels};
pub use with::{With, Word};

#[cfg(test)]
mod tests;
