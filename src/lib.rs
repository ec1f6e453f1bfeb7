//! dichroic
extern crate self as dichroic;

pub mod adapter;
pub mod backbone;
pub mod data;
pub mod embed;
pub mod event;
#[cfg(test)]
pub(crate) mod golden;
pub mod loss;
pub mod model;
pub mod ops;
pub mod params;
pub mod seed;
pub mod spec;
pub mod tape;
pub mod train;
