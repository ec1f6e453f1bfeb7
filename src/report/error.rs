//! The errors of reports.

use crate::{evaluate, papers::NotPublished, store};
use std::path::PathBuf;

/// Why a report cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A run that the store does not have, or that has no scores.
    #[error("run {run} has no scores in the store")]
    NoScores {
        /// The run.
        run: String,
    },
    /// One system was not scored on a question that another was scored on.
    #[error("{what} has no score by {question}")]
    NotAsked {
        /// Features, system, run and seed.
        what: String,
        /// Protocol and data.
        question: String,
        /// What it was scored on instead.
        hint: String,
    },
    /// Scores whose predictions were not stored.
    #[error("no predictions are stored for {what}")]
    NotKept {
        /// Features, system, run and seed.
        what: String,
    },
    /// A file that the store refers to and that is missing.
    #[error("{} is missing; it had the predictions for {what}", path.display())]
    Gone {
        /// The file.
        path: PathBuf,
        /// Features, system, run and seed.
        what: String,
    },
    /// Predictions that cannot be read or paired.
    #[error(transparent)]
    Evaluate(#[from] evaluate::Error),
    /// A file that cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A table or figure that no paper publishes.
    #[error(transparent)]
    NotPublished(#[from] NotPublished),
    /// A published figure that this program cannot draw.
    #[error("nothing here draws `{name}` of the paper `{paper}`")]
    NotDrawn {
        /// The paper.
        paper: &'static str,
        /// The figure.
        name: &'static str,
    },
    /// A format that this build does not write.
    #[error("this build of dichroic writes no PDF files")]
    NoPdf,
    /// A figure that cannot be drawn.
    #[error("cannot draw {figure}: {cause}")]
    Draw {
        /// Its name.
        figure: String,
        /// The error of the canvas.
        cause: String,
    },
}

impl Error {
    /// Whether only predictions are missing: tables can do without them, and state it in a note.
    pub(super) fn is_a_loss(&self) -> bool {
        matches!(
            self,
            Self::NotKept { .. } | Self::Gone { .. } | Self::Evaluate(evaluate::Error::Read { .. })
        )
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Store(source) => source.hint(),
            Self::NoScores { .. } => {
                Some("`dichroic runs` lists the runs; only finished runs have scores".into())
            }
            Self::NotAsked { hint, .. } => Some(hint.clone()),
            Self::NotKept { .. } => {
                Some("an older version scored it: repeat the experiment in a new store, --store PATH".into())
            }
            Self::Gone { .. } => {
                Some("the folder `<store>.d` belongs to the store: put it back next to the store".into())
            }
            Self::Evaluate(source) => source.hint(),
            Self::Write { .. } => Some("name another folder with --out".into()),
            Self::NoPdf => Some("it was built with --no-default-features: add --features pdf".into()),
            Self::NotPublished(source) => Some(source.hint()),
            Self::NotDrawn { .. } | Self::Draw { .. } => None,
        }
    }
}
