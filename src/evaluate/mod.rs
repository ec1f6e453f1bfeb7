//! Scores of features, whoever computed them: plain slices in, scores and per-image predictions out.
//!
//! Nothing here knows a network, a store or a file of images. The paper's rules (CHAMMI, section 3.3) stand in one file
//! each: [`questions`] what is asked of a set, [`one_nn`] who is nearest, [`f1`] what is counted, [`score`] one task from
//! end to end, [`floors`] and [`handmade`] what no training has to beat.
//! [`predictions`] is the file that keeps what was predicted for every image, [`answered`] what such a file says,
//! [`paired`] two of them side by side, [`units`] which of their images are no evidence of their own, [`bootstrap`] whether
//! one side is better, and [`indistinguishable`] which systems are not significantly worse than the best. [`umap`] makes
//! pictures of features.

pub mod answered;
pub mod bootstrap;
pub mod f1;
pub mod floors;
pub mod handmade;
pub mod indistinguishable;
pub mod one_nn;
pub mod paired;
pub mod predictions;
pub mod questions;
pub mod score;
pub mod umap;
pub mod units;

mod error;
mod matrix;
mod resampling;
mod student;

pub use error::Error;
pub use f1::{ClassCounts, Summary};
pub use matrix::FeatureMatrix;
pub use one_nn::Neighbour;
pub use score::{ClassScore, Prediction, TaskInput, TaskScore};

/// Raised when the same features and labels give other scores.
pub const REVISION: u32 = 1;
