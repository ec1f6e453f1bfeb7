//! Training.

mod optimiser;
mod schedule;

pub use optimiser::Optimiser;
pub use schedule::rate;
