//! dichroic
extern crate self as dichroic;

pub mod event;
pub mod seed;
pub mod spec;
