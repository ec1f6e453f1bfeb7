//! The language of dichroic: the settings of an experiment, their combination into declarations, and the
//! plain data that these become.
//!
//! Everything that can be known about an experiment without tensors, images or a store is here. A program
//! that declares experiments uses this crate through the package `dichroic`, under its names.

// Attributes and doc tests use the name of the public package.
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
pub mod test_time;
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
