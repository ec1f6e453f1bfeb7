//! Units of work, as they are hashed.

use crate::{
    adapter, backbone, data, embed, evaluate, loss, ops, seed, simulate,
    spec::{ConvNextSize, Features, Model, Protocol, Selection, Train, View},
    train,
};
use serde::Serialize;

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Work {
    /// A backbone's first training, on simulated three-channel images.
    Pretrain {
        /// The backbone.
        size: ConvNextSize,
        /// Of the code behind it.
        revisions: Revisions,
    },
    /// Training; without an objective, the model as it starts.
    Fit {
        /// What.
        model: Model,
        /// How.
        train: Box<Train>,
        /// Of the code behind it.
        revisions: Revisions,
    },
    /// Features of every image, by the model of the parent.
    Embed {
        /// The images.
        data: Selection,
        /// What the model gets to see of an image.
        view: View,
        /// Side of the square that the network sees, in pixels, where images are resized.
        image: usize,
        /// At most this many images of each set and split.
        subset: Option<usize>,
        /// Of the code behind it.
        revisions: Revisions,
    },
    /// Scores of every task, by the features of the parent or by a floor's own.
    Score {
        /// The classifier on top of the features.
        protocol: Protocol,
        /// The images.
        data: Selection,
        /// Whose features.
        features: Features,
        /// Share of the training images that were kept back; they are a task of their own.
        hold_out: f64,
        /// At most this many images of each set and split.
        subset: Option<usize>,
        /// Of the code behind it.
        revisions: Revisions,
    },
}

impl Work {
    /// The word in the store.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Pretrain { .. } => "pretrain",
            Self::Fit { .. } => "fit",
            Self::Embed { .. } => "embed",
            Self::Score { .. } => "score",
        }
    }

    /// A line for people.
    pub fn describe(&self) -> String {
        match self {
            Self::Pretrain { size, .. } => {
                format!(
                    "pre-train a {} backbone on simulated three-channel images",
                    backbone::files::size_name(*size)
                )
            }
            Self::Fit { train, .. } if train.objective.is_empty() => {
                format!("take the model as it starts, for {}", train.data)
            }
            Self::Fit { train, .. } => format!("train {} epochs on {}", train.epochs, train.data),
            Self::Embed { data, view: View::Native, .. } => {
                format!("embed {data} as the backbone was published")
            }
            Self::Embed { data, image, .. } => format!("embed {data} at {image} px"),
            Self::Score { protocol, data, features: Features::Model, .. } => {
                format!("score {data} by {}", protocol.name())
            }
            Self::Score { protocol, data, features, .. } => {
                format!("score the floor `{}` of {data} by {}", features.name(), protocol.name())
            }
        }
    }
}

/// Revisions of the parts of the code that a work's result depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Revisions(Vec<(&'static str, u32)>);

impl Revisions {
    /// Of every part of this program.
    pub fn all() -> Vec<(&'static str, u32)> {
        let works = [Self::pretrain(), Self::embed(), Self::score(Features::Prior)];
        let mut all: Vec<_> = works.into_iter().flat_map(|works| works.0).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    pub(super) fn pretrain() -> Self {
        let mut all = Self::training();
        all.push(("simulate", simulate::REVISION));
        Self(all)
    }

    pub(super) fn fit(train: &Train) -> Self {
        if train.objective.is_empty() {
            return Self(vec![
                ("adapter", adapter::REVISION),
                ("backbone", backbone::REVISION),
                ("seed", seed::REVISION),
            ]);
        }
        Self(Self::training())
    }

    pub(super) fn embed() -> Self {
        Self(vec![
            ("embed", embed::REVISION),
            ("ops", ops::REVISION),
            ("transform", data::TRANSFORM_REVISION),
        ])
    }

    pub(super) fn score(features: Features) -> Self {
        let mut all = vec![("evaluate", evaluate::REVISION)];
        if features == Features::Prior {
            all.push(("seed", seed::REVISION));
        }
        Self(all)
    }

    fn training() -> Vec<(&'static str, u32)> {
        vec![
            ("adapter", adapter::REVISION),
            ("backbone", backbone::REVISION),
            ("loss", loss::REVISION),
            ("ops", ops::REVISION),
            ("seed", seed::REVISION),
            ("train", train::REVISION),
            ("transform", data::TRANSFORM_REVISION),
        ]
    }
}
