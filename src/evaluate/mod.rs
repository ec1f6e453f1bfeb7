//! Scores of features, whoever computed them: rows of numbers in, scores and per-image predictions out.
//!
//! Nothing here knows a network or a store. Each rule is in a file of its own: [`questions`] what is asked of a set,
//! [`protocol`] how features answer, [`nearest`] who is nearest, [`metrics`] what answers are worth, [`score`] what a task is and what comes of it, [`floors`] and [`handmade`] what no
//! training has to beat. [`predictions`] is the file that keeps what was predicted for every image, [`answered`] what such a
//! file says, [`paired`] two of them side by side, [`units`] which of their images are no evidence of their own,
//! [`bootstrap`] whether one side is better, and [`indistinguishable`] which systems are not significantly worse than the best. [`umap`] makes pictures of
//! features.

pub mod answered;
pub mod bootstrap;
pub mod features;
pub mod floors;
pub mod handmade;
pub mod indistinguishable;
pub mod metrics;
pub mod nearest;
pub mod paired;
pub mod predictions;
pub mod protocol;
pub mod questions;
pub mod score;
pub mod umap;
pub mod units;

mod error;
mod labels;
mod resampling;
mod student;

pub use error::Error;
pub use features::{FeatureFile, FeatureMatrix, FeatureRows};
pub use labels::{Labels, Truth};
pub use nearest::Neighbour;
pub use score::{ClassScore, Prediction, TaskInput, TaskScore};

/// Raised when the same features and labels give other scores.
pub const REVISION: u32 = 1;
