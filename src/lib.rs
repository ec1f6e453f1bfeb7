//! dichroic
extern crate self as dichroic;

pub mod event;
#[cfg(test)]
pub(crate) mod golden;
pub mod ops;
pub mod params;
pub mod seed;
pub mod spec;
pub mod tape;
