//! How a model is trained: what is read, and the stages of training one after another.

use super::{Normalise, Selection, Stage};
use serde::{Deserialize, Serialize};

/// Everything between the weights a model starts from and trained ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Train {
    /// The training images: split `Train` of these sets. Their channels are the ones that the model has parameters for.
    pub data: Selection,
    /// Side of the square that the network sees, in pixels.
    pub image: usize,
    /// Whether that square is a window at the image's own scale, whose pixels are never resized; otherwise the image is
    /// resized to it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub window: bool,
    /// How pixels are normalised, where not by mean and SD of `Train`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub normalise: Vec<Normalise>,
    /// Share of the training images of each class and set kept back for choosing things. They are never trained on.
    pub hold_out: f64,
    /// At most this many images of each set and split are read, test splits included, drawn evenly over the
    /// labels; none: all of them.
    pub subset: Option<usize>,
    /// Number format of activations and weights.
    pub precision: Precision,
    /// Each stage starts where the one before it ended; none: the model is frozen as it starts.
    pub stages: Vec<Stage>,
}

impl Train {
    /// The fields that all stages share; every other path below `train` is a stage's.
    pub const SHARED: [&'static str; 7] =
        ["data", "image", "window", "normalise", "hold_out", "subset", "precision"];

    /// Whether a path of a spec, with stages left out, is in each stage: below `train`, and not shared.
    pub(crate) fn is_of_a_stage(path: &str) -> bool {
        let mut keys = path.split('.');
        keys.next() == Some("train") && keys.next().is_some_and(|key| !Self::SHARED.contains(&key))
    }

    /// Whether nothing is trained.
    pub fn is_frozen(&self) -> bool {
        self.stages.is_empty()
    }

    /// What a stage is trained on.
    pub fn data_of<'a>(&'a self, stage: &'a Stage) -> &'a Selection {
        stage.on.as_ref().unwrap_or(&self.data)
    }

    /// What is trained on last: what a classifier learned from.
    pub fn last_data(&self) -> &Selection {
        self.stages.last().map_or(&self.data, |stage| self.data_of(stage))
    }

    /// The terms of all stages.
    pub fn terms(&self) -> impl Iterator<Item = &super::Term> {
        self.stages.iter().flat_map(|stage| &stage.objective)
    }
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
