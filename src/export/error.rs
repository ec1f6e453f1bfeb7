//! Errors of exporting numbers.

use crate::store;
use std::{
    io,
    path::{Path, PathBuf},
};

/// Why numbers cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// There is nothing to write.
    #[error("{wanted}")]
    Nothing {
        /// The selection: `the store has no run of an experiment `x``.
        wanted: String,
    },
    /// A file exists where a folder should be.
    #[error("expected a folder to write to, found the file {}", .0.display())]
    NotAFolder(PathBuf),
    /// A file that cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The listener asked to stop.
    #[error("stopped")]
    Stopped,
}

impl Error {
    /// How to fix it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Store(source) => source.hint(),
            Self::Nothing { .. } => {
                Some("`dichroic runs` lists the runs of a store; --store PATH reads another".into())
            }
            Self::NotAFolder(_) => {
                Some("name a folder with --out; it is created if it does not exist".into())
            }
            Self::Write { .. } => Some("name another folder with --out".into()),
            Self::Stopped => None,
        }
    }

    /// An error while `path` was written: of the file itself, or of the store that fills it.
    pub(super) fn of_file(path: &Path) -> impl Fn(io::Error) -> Self {
        move |error| error.downcast().unwrap_or_else(|source| Self::Write { path: path.into(), source })
    }
}

/// Errors of the store pass through writers of files, until [`Error::of_file`] unwraps them.
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        Self::other(error)
    }
}
