//! Kinds of work, as plans, the store and its readers call them.

/// A backbone's first training, on simulated images.
pub const PRETRAIN: &str = "pretrain";
/// A model as it starts, or a stage of its training.
pub const FIT: &str = "fit";
/// Features of every image.
pub const EMBED: &str = "embed";
/// How alike images are in each layer of a model.
pub const LAYERS: &str = "layers";
/// Scores of every task.
pub const SCORE: &str = "score";
