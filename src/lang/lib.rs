//! The language of dichroic: the words of an experiment, the sentence that they make, and the plain data it becomes.
//!
//! Everything that can be known of an experiment without tensors, images or a store is here. A program that declares
//! experiments uses this through the package `dichroic`, under its names.

// Attributes and doc tests name what they use by the package that people know.
extern crate self as dichroic;

pub mod adapter;
pub mod augment;
pub mod backbone;
pub mod data;
pub mod dsl;
pub mod loss;
pub mod needs;
pub mod papers;
pub mod prelude;
pub mod protocol;
pub mod registry;
pub mod spec;
pub mod spelling;
pub mod strategy;
pub mod word;

mod axis;
mod draft;
mod role;

#[cfg(any(test, feature = "testing"))]
pub mod sample;

#[doc(hidden)]
pub mod __private {
    pub use inventory;
}
