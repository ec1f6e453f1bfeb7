//! Scores of features from any source: rows of numbers in, scores and per-image predictions out.
//!
//! Nothing here depends on a network or a store. Each rule has its own file: [`questions`] the tasks of a
//! set, [`protocol`] how labels are predicted, [`classify`] classifiers of a source asked about a target, [`nearest`] the search for nearest neighbours, [`metrics`] the
//! metrics, [`score`] a task and its score, [`floors`] and [`handmade`] floors without training.
//! [`probe`] trains linear classifiers side by side. [`predictions`] reads and writes the file with the prediction of every image, [`answered`] is its content,
//! [`paired`] pairs the predictions of two sides, [`units`] defines which images are not independent,
//! [`bootstrap`] tests whether one side is better, and [`indistinguishable`] which systems are not
//! significantly worse than the best. [`umap`] computes 2-D maps of features.

pub mod answered;
pub mod bootstrap;
pub mod cka;
pub mod classify;
pub mod features;
pub mod floors;
pub mod handmade;
pub mod indistinguishable;
pub mod knn;
pub mod metrics;
pub mod nearest;
pub mod paired;
pub mod predictions;
pub mod probe;
pub mod protocol;
pub mod questions;
pub mod score;
pub mod umap;
pub mod units;

mod error;
mod labels;
mod logistic;
mod moments;
mod resampling;
mod student;
mod vectors;

pub use error::Error;
pub use features::{FeatureFile, FeatureMatrix, FeatureRows, Pieces, SideBySide};
pub use labels::{Labels, Truth};
pub use nearest::Neighbour;
pub use score::{ClassScore, Prediction, TaskInput, TaskScore};

/// Raised when the same features and labels get different scores.
pub const REVISION: u32 = 1;
