//! How a model is trained.

use super::{Augment, Selection, Strategy, Term};
use serde::{Deserialize, Serialize};

/// Everything between random weights and trained ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Train {
    /// The training images: split `Train` of these sets.
    pub data: Selection,
    /// Side of the square that the network sees, in pixels.
    pub image: usize,
    /// Share of the training images of each class and set kept back for choosing things. They are never trained on.
    pub hold_out: f64,
    /// At most this many images of each set and split are read, test splits included, drawn evenly over the
    /// labels; none: all of them.
    pub subset: Option<usize>,
    /// The weighted sum that is minimised; empty: the model is frozen as it starts.
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
    /// Number format of activations and weights.
    pub precision: Precision,
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

/// Number format of activations and weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// 32-bit floats.
    F32,
    /// 32-bit floats, of which matrix products take ten bits behind the point; on a GPU.
    Tf32,
    /// Activations and the factors of products in bfloat16, sums and weights in 32-bit floats; on a GPU.
    Bf16,
}

impl Precision {
    /// As it is written: `bf16`.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Tf32 => "tf32",
            Self::Bf16 => "bf16",
        }
    }
}
