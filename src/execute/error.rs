//! The errors of work.

use crate::{
    backbone::{self, files},
    data, device, embed, evaluate, simulate, store, train,
};
use std::path::PathBuf;

/// Why work failed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum Error {
    #[error(transparent)]
    NotBuilt(#[from] backbone::NotBuilt),
    #[error(transparent)]
    Data(#[from] data::Error),
    #[error(transparent)]
    Device(#[from] device::Error),
    #[error(transparent)]
    Train(#[from] train::Error),
    #[error(transparent)]
    Embed(#[from] embed::Error),
    #[error(transparent)]
    Evaluate(#[from] evaluate::Error),
    #[error(transparent)]
    Files(#[from] files::Error),
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Simulate(#[from] simulate::Error),
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
    /// Reported earlier, when it happened.
    #[error("it depends on work that failed earlier ({work}): {reason}")]
    Failed { work: String, reason: String },
    #[error("the feature file of set `{0}` is missing from the store's folder")]
    NoFeatures(String),
    #[error("this training needs at least {} of memory, and {} are free", gigabytes(*needed), gigabytes(*free))]
    Memory { needed: u64, free: u64 },
    #[error("cannot use {}: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
}

fn gigabytes(bytes: u64) -> String {
    format!("{:.1} GB", bytes as f64 / 1e9)
}

impl Error {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotBuilt(error) => error.hint(),
            Self::Data(error) => error.hint(),
            Self::Device(error) => error.hint(),
            Self::Embed(error) => error.hint(),
            Self::Train(error) => error.hint(),
            Self::Evaluate(error) => error.hint(),
            Self::Files(error) => error.hint(),
            Self::Store(error) => error.hint(),
            Self::Memory { .. } => Some(
                "a smaller `train.batch` or `train.image` needs less; `exp --dry` estimates the whole".into(),
            ),
            Self::NoFeatures(_) => {
                Some("the folder `<store>.d` belongs to the store: put it back next to the store".into())
            }
            _ => None,
        }
    }

    /// Whether a listener requested it: nothing failed, and the same command resumes the work.
    pub(super) fn is_stop(&self) -> bool {
        use data::Error::Stopped;
        matches!(
            self,
            Self::Data(Stopped)
                | Self::Train(train::Error::Data(Stopped))
                | Self::Embed(embed::Error::Stopped)
                | Self::Evaluate(evaluate::Error::Stopped | evaluate::Error::Data(Stopped))
                | Self::Simulate(simulate::Error::Stopped)
        )
    }

    /// How the attempt is recorded.
    pub(super) fn outcome(&self) -> store::Outcome {
        match self {
            Self::Train(train::Error::Diverged { .. }) => store::Outcome::Nan(self.to_string()),
            Self::Train(train::Error::OutOfMemory { .. }) | Self::Memory { .. } => {
                store::Outcome::Oom(self.to_string())
            }
            _ => store::Outcome::Error(self.to_string()),
        }
    }
}
