//! From a gallery of microscopes' images to a data set: JUMP TARGET2 in the form that CODA's authors hold it, with the steps of
//! DeepProfiler that the paper names. Each plate is read twice: its light and grey levels are measured, then each site becomes
//! one 8-bit image of half the size with its channels side by side.

mod compounds;
mod error;
mod gallery;
mod kept;
mod load_table;
mod passes;
mod picture;
mod plan;
mod plane;
mod planning;
mod plate;
mod progress;
mod read;
mod released;
mod roots;
mod run;
mod sheet;
mod well;

#[cfg(test)]
mod tests;

pub use error::Error;
pub use plan::{Illumination, Plan, Request};
pub use run::Done;
