//! The microscope simulator: cells with known causes, imaged by known microscopes, in CHAMMI's folder layout.
//!
//! It makes the embedded default data set of a fresh machine, and it is a test instrument: labels move factors of a
//! cell's state ([`FACTORS`]), structures are drawn from the state, and nothing of the label is left in
//! intensities. Bits do not depend on the machine or on the number of threads: every cell draws from streams of its
//! own, transcendental functions come from `libm`, and sums have a fixed order. [`gates`] checks that the labels are
//! not trivially solvable.

mod canvas;
mod cell;
mod chammi;
pub mod gates;
mod labels;
mod optics;
mod outline;
mod plan;
mod pretrain;
mod render;
mod structures;
mod tone;
mod world;
mod write;

pub use cell::FACTORS;
pub use chammi::chammi;
pub use pretrain::{PRETRAIN_CLASSES, Pictures, three_channel};
pub use world::{Control, Size, World};

use std::path::PathBuf;

/// Raised when the pictures or tables of a world change.
pub const REVISION: u32 = 1;

/// Why a data set could not be made or checked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is something at the place where the folder should go.
    #[error("{}: expected no file or folder of this name, found one", path.display())]
    Exists {
        /// The place.
        path: PathBuf,
    },
    /// A file could not be written or read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// An image could not be encoded or decoded.
    #[error("{}: {why}", path.display())]
    Encode {
        /// The image.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// A folder that the simulator did not make, or not whole.
    #[error("{}: expected a simulated data set, found {found}", path.display())]
    NotSimulated {
        /// The file that shows it.
        path: PathBuf,
        /// What was found.
        found: String,
    },
    /// The listener asked to stop; nothing was left behind.
    #[error("the simulation was stopped")]
    Stopped,
}

impl Error {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Exists { .. } => Some("choose another folder, or move this one away first".to_owned()),
            Self::Io { .. } => Some("is there room on the disk, and may you write there?".to_owned()),
            Self::NotSimulated { .. } => Some(
                "the gates need the true states that `data simulate` writes beside the images".to_owned(),
            ),
            Self::Encode { .. } | Self::Stopped => None,
        }
    }
}

#[cfg(test)]
mod tests;
