//! Why images cannot be prepared.

use crate::data;
use std::{io, path::PathBuf};

/// Why images cannot be prepared.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A table or folder that cannot be used.
    #[error(transparent)]
    Data(data::Error),
    /// What was asked for cannot be done with what is there.
    #[error("{said}")]
    Refused {
        /// What was expected and found.
        said: String,
        /// How to fix it.
        hint: String,
    },
    /// A file that cannot be written.
    #[error("cannot write {}: {cause}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's error.
        #[source]
        cause: io::Error,
    },
    /// The listener asked to stop.
    #[error("stopped")]
    Stopped,
}

impl Error {
    pub(super) fn refused(said: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Refused { said: said.into(), hint: hint.into() }
    }

    /// How to fix it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Data(error) => error.hint(),
            Self::Refused { hint, .. } => Some(hint.clone()),
            Self::Write { .. } => {
                Some("what is prepared is kept; the same command goes on with the rest".to_owned())
            }
            Self::Stopped => None,
        }
    }
}

impl From<data::Error> for Error {
    fn from(error: data::Error) -> Self {
        match error {
            data::Error::Stopped => Self::Stopped,
            error => Self::Data(error),
        }
    }
}
