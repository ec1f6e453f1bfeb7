//! Tensor operations on CPU and GPU, each with forward and backward in one file, on the reverse tape.
//!
//! Images are channels-last (N, H, W, C) everywhere. Reductions are split into parts of a fixed size and
//! added in a fixed order, so that results are bit-identical on any number of threads.

pub mod buffer;
pub mod gpu;
pub(crate) mod simd;

pub mod adamw;
pub mod device;
pub mod distil;
pub mod event;
pub mod format;
#[cfg(any(test, feature = "testing"))]
pub mod golden;
pub mod memory;
pub mod pages;
pub mod params;
pub mod seed;
pub mod sgd;
pub mod tape;

mod arithmetic;
mod attention;
mod channel_patches;
mod chosen_tokens;
mod convolution;
mod cross_entropy;
mod depthwise;
mod embedding;
mod gelu;
mod instance_norm;
mod koleo;
mod layer_norm;
mod linear;
mod masked_error;
mod neighbourhoods;
mod normalise;
mod patches;
mod pool;
mod pooled_filters;
mod scalar;
mod scale_residual;
mod swiglu;
mod tokens;
mod variance_penalty;
mod views;

pub use chosen_tokens::Places;
pub use convolution::Finish;
pub use gpu::{Share, profile};
pub use linear::Weight;
pub use scalar::Scalar;
pub use simd::{Level, flush_subnormals, level};
pub use variance_penalty::raw_of_variance;
pub use views::{DeviceViews, PlainViews, VIEW_LINE};

/// Raised when an operation's results change; part of the identity of all work that trains or embeds.
pub const REVISION: u32 = 2;

#[cfg(test)]
mod tests;
