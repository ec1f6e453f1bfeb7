//! What can go wrong between the store and other programs' files.

use crate::store;
use std::{
    io,
    path::{Path, PathBuf},
};

/// Why numbers cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// Nothing is left to write.
    #[error("{wanted}")]
    Nothing {
        /// What was asked for: `the store has no run of an experiment `x``.
        wanted: String,
    },
    /// There is a file where a folder should be.
    #[error("expected a folder to write to, found the file {}", .0.display())]
    NotAFolder(PathBuf),
    /// A file that cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Somebody stopped it.
    #[error("stopped")]
    Stopped,
}

impl Error {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Store(source) => source.hint(),
            Self::Nothing { .. } => {
                Some("`dichroic runs` lists the runs of a store; --store PATH asks another".into())
            }
            Self::NotAFolder(_) => {
                Some("name a folder with --out; it is made when it is not there yet".into())
            }
            Self::Write { .. } => Some("name another folder with --out".into()),
            Self::Stopped => None,
        }
    }

    /// What went wrong while `path` was written: the file itself, or the store that it was filled from.
    pub(super) fn of_file(path: &Path) -> impl Fn(io::Error) -> Self {
        move |error| error.downcast().unwrap_or_else(|source| Self::Write { path: path.into(), source })
    }
}

/// Errors of the store travel through writers of files, until [`Error::of_file`] takes them out again.
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        Self::other(error)
    }
}
