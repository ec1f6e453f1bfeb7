//! A stage of training: what is minimised, and how steps are taken.

use super::{Augment, Selection, Spec, Strategy, Term};
use serde::{Deserialize, Serialize};

/// One training, from where the stage before it ended, or from the weights that the model starts from.
///
/// A field that is added later has a default that is not written, so that no identity moves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// The training images, if they are only some of [`Train::data`](super::Train::data).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<Selection>,
    /// The weighted sum that is minimised.
    pub objective: Vec<Term>,
    /// What is done for unseen domains.
    pub strategy: Strategy,
    /// What is done to each training image, in the order of [`Augment`]'s variants.
    pub augment: Vec<Augment>,
    /// Which random draws the augmentation of an epoch uses.
    pub augment_stream: AugmentStream,
    /// Which images an epoch has.
    pub sampling: Sampling,
    /// What turns gradients into steps.
    pub optimiser: Optimiser,
    /// The learning rate over time.
    pub schedule: Schedule,
    /// Passes over the training images.
    pub epochs: usize,
    /// Images in a step, of all sets together; the last, incomplete batch of an epoch is dropped.
    pub batch: usize,
}

/// A stage in its spec: what the rules and small versions of its words go by.
#[derive(Clone, Copy, Debug)]
pub struct InStage<'a> {
    /// The spec.
    pub spec: &'a Spec,
    /// One of its stages.
    pub stage: &'a Stage,
}

/// Which random draws the augmentation of an epoch uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AugmentStream {
    /// Fresh ones.
    Fresh,
    /// The same in every epoch, as the released loader's workers do.
    Repeated,
}

/// Which images an epoch has. It has as many of each set as there are, in random order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sampling {
    /// Every image once.
    Shuffled,
    /// Each class of a set as often as the root of its number of images says: rare ones more often, common ones less.
    Root,
    /// Each class of a set as often as the others.
    Balanced,
}

/// What turns gradients into steps: AdamW.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Optimiser {
    /// Peak learning rate.
    pub lr: f64,
    /// Decoupled weight decay, on every parameter (norms, biases and layer scales too, as released).
    pub weight_decay: f64,
    /// Decay of the running mean and of the running square of gradients.
    pub betas: [f64; 2],
    /// Added to the root of the running square.
    pub eps: f64,
}

/// The learning rate over time: timm's cosine, set once at the start of each epoch, t = 1 … epochs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Epochs t < this rise linearly from `warmup_lr` (released: 3, so that two epochs are ramps).
    pub warmup: usize,
    /// Where the ramp starts.
    pub warmup_lr: f64,
    /// Where the cosine ends.
    pub lr_min: f64,
}
