//! The microscope simulator: cells with known causes, imaged by known microscopes, in the form of CHAMMI ([`chammi`]) and
//! of JUMP TARGET2 ([`jump`]).
//!
//! It generates the default data set of a fresh machine, and it is a test instrument: labels shift factors of
//! a cell's state ([`FACTORS`]), structures are drawn from the state, and intensities carry no information
//! about the label. Bits do not depend on the machine or the number of threads: every cell has its own random
//! streams, transcendental functions come from `libm`, and sums have a fixed order. [`gates`] checks that the
//! labels are not trivially solvable.

mod canvas;
mod cell;
mod chammi;
pub mod gates;
pub mod jump;
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

/// Raised when the images or tables of a world change.
pub const REVISION: u32 = 1;

/// Why a data set could not be simulated or checked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something exists where the folder should be created.
    #[error("{}: expected no file or folder of this name, found one", path.display())]
    Exists {
        /// The path.
        path: PathBuf,
    },
    /// A file could not be written or read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// An image could not be encoded or decoded.
    #[error("{}: {why}", path.display())]
    Encode {
        /// The image.
        path: PathBuf,
        /// The cause.
        why: String,
    },
    /// A folder that the simulator did not make, or an incomplete one.
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
    /// How to fix it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Exists { .. } => Some("choose another folder, or move this one away first".to_owned()),
            Self::Io { .. } => Some("check free disk space and write permission".to_owned()),
            Self::NotSimulated { .. } => Some(
                "the gates need the true states that `data simulate` writes next to the images".to_owned(),
            ),
            Self::Encode { .. } | Self::Stopped => None,
        }
    }
}

#[cfg(test)]
mod tests;
