#![doc = include_str!("ARCHITECTURE.md")]

extern crate self as dichroic;

pub mod adapter;
mod atomic_file;
pub mod backbone;
pub mod cli;
pub mod curve;
pub mod data;
mod disk;
pub mod embed;
pub mod evaluate;
pub mod execute;
pub mod export;
pub mod format;
#[cfg(test)]
mod fuzz;
pub mod loss;
pub mod model;
mod npy;
mod panic_text;
mod parquet_pages;
mod parquet_table;
pub mod pass;
pub mod plan;
mod prefetch;
pub mod program;
pub mod report;
pub mod serve;
pub mod state;
pub mod store;
pub mod train;
mod visible;

pub use dichroic_lang::{dsl, papers, prelude, registry, spec, spelling};
pub use dichroic_ops as ops;
pub use dichroic_ops::{device, event, memory, pages, params, seed, tape};
pub use dichroic_simulate as simulate;

#[cfg(test)]
pub(crate) use {dichroic_lang::sample, dichroic_ops::golden};

#[doc(hidden)]
pub mod __private {
    pub use dichroic_lang::__private::inventory;
    pub use mimalloc::MiMalloc;

    pub use crate::memory::Counted;
}
