//! Networks behind the first layer.

mod convnext;
pub mod files;
mod pickle;
pub mod torch;

pub use convnext::ConvNext;
pub(crate) use convnext::Shape;

/// Raised when a backbone computes something else; part of the identity of every work that trains or embeds.
pub const REVISION: u32 = 1;
