#![doc = include_str!("ARCHITECTURE.md")]

extern crate self as dichroic;

pub mod adapter;
mod ahead;
pub mod backbone;
pub mod cli;
pub mod data;
pub mod device;
mod disk;
pub mod dsl;
pub mod embed;
pub mod evaluate;
pub mod event;
pub mod execute;
pub mod export;
#[cfg(test)]
pub(crate) mod golden;
mod last_words;
pub mod loss;
pub mod memory;
pub mod model;
pub mod ops;
pub mod params;
pub mod plan;
pub mod prelude;
pub mod registry;
pub mod report;
pub mod seed;
pub mod serve;
pub mod simulate;
pub mod sources;
pub mod spec;
pub mod spelling;
pub mod store;
pub mod tape;
pub mod train;
mod whole_file;

#[doc(hidden)]
pub mod __private {
    pub use inventory;
    pub use mimalloc::MiMalloc;

    pub use crate::memory::Counted;
}
