//! The language of dichroic: the words of an experiment, the sentence that they make, and the plain data it becomes.
//!
//! Everything that can be known of an experiment without tensors, images or a store is here. A program that declares
//! experiments uses this through the package `dichroic`, under its names.

// Attributes and doc tests name what they use by the package that people know.
extern crate self as dichroic;

pub mod dsl;
pub mod papers;
pub mod prelude;
pub mod registry;
pub mod spec;
pub mod spelling;

#[doc(hidden)]
pub mod __private {
    pub use inventory;
}
