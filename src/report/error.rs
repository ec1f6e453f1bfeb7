//! What can go wrong between the store and a page.

use crate::store;
use std::path::PathBuf;

/// Why a report cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// No table or figure has this name.
    #[error("expected the name of a report ({}), found `{found}`", known.join(", "))]
    Unknown {
        /// What was asked for.
        found: String,
        /// What there is.
        known: Vec<&'static str>,
    },
    /// A run that the store does not have, or that has no scores.
    #[error("run {run} has no scores in the store")]
    NoScores {
        /// The run.
        run: String,
    },
    /// A file that cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A figure that cannot be drawn.
    #[error("cannot draw {figure}: {cause}")]
    Draw {
        /// Its name.
        figure: String,
        /// What the canvas says.
        cause: String,
    },
}

impl Error {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Store(source) => source.hint(),
            Self::Unknown { .. } => Some("`dichroic report all` makes every one".into()),
            Self::NoScores { .. } => {
                Some("`dichroic runs` lists what is there; only finished runs have scores".into())
            }
            Self::Write { .. } => Some("name another folder with --out".into()),
            Self::Draw { .. } => None,
        }
    }
}
