//! Errors of data sets: file, row, what was expected, what was found, and how to fix it.

use super::{image::Fault, text::plain};
use crate::spec;
use std::{fmt, io, path::PathBuf};

/// `CHAMMI (Allen, HPA, CP)`: the folders that need no description.
fn known_folders() -> String {
    let folder = |known: &&spec::Known| format!("{} ({})", known.title, known.sets.join(", "));
    spec::KNOWN.iter().map(folder).collect::<Vec<_>>().join(" or ")
}

/// Why a data set cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder does not exist.
    #[error("{}: no such folder", root.display())]
    NoFolder {
        /// The folder.
        root: PathBuf,
    },
    /// A folder that has no description and is not that of a known data set.
    #[error("{}: found neither `dataset.toml` nor a folder of {}", root.display(), known_folders())]
    NotADataSet {
        /// The folder.
        root: PathBuf,
    },
    /// `dataset.toml` is invalid.
    #[error("{}{}: {message}", file.display(), line.map(|line| format!(", line {line}")).unwrap_or_default())]
    Description {
        /// The file.
        file: PathBuf,
        /// The line, counted from 1, unless the message contains it.
        line: Option<usize>,
        /// What was expected and found.
        message: String,
        /// How to fix it.
        hint: Option<String>,
    },
    /// None of the described sets exists.
    #[error("{}: none of its sets exists: {}", root.display(), names.join(", "))]
    NoSets {
        /// The folder.
        root: PathBuf,
        /// The sets expected.
        names: Vec<String>,
    },
    /// A set that the data set does not have.
    #[error("data set `{data}` has no set `{name}`; it has {}", there.join(", "))]
    UnknownSet {
        /// The data set.
        data: String,
        /// The set asked for.
        name: String,
        /// The existing sets.
        there: Vec<String>,
    },
    /// A file or folder that cannot be read.
    #[error("cannot read {}: {cause}", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// The system's error, already in the message: as a source it would be printed twice.
        cause: io::Error,
    },
    /// A file whose contents cannot be read for the fingerprint.
    #[error("cannot read {}: {cause}", plain(&path.display().to_string()))]
    Contents {
        /// The file.
        path: PathBuf,
        /// The system's error, already in the message.
        cause: io::Error,
    },
    /// A table with mistakes.
    #[error("{0}")]
    Table(Box<Problems>),
    /// An image that cannot be used.
    #[error("{} (row {row} of {}): {fault}", plain(&file.display().to_string()), plain(&table.display().to_string()))]
    Image {
        /// The image.
        file: PathBuf,
        /// Its table.
        table: PathBuf,
        /// Its row in the table; the header is row 1.
        row: u64,
        /// The problem.
        fault: Box<Fault>,
    },
    /// An image was read before the set's percentiles were measured: a programming error, not a user's.
    #[error("expected measured percentiles of set `{set}` before its images are read, found none")]
    NotMeasured {
        /// The set.
        set: String,
    },
    /// The listener asked to stop.
    #[error("stopped")]
    Stopped,
}

impl Error {
    /// How to fix it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoFolder { .. } => Some("give the folder of the data: --data NAME=PATH".to_owned()),
            Self::NotADataSet { .. } => Some(
                "write a `dataset.toml` that names the sets and their channels, or give the folder that \
                 holds these sets"
                    .to_owned(),
            ),
            Self::Description { hint, .. } => hint.clone(),
            Self::NoSets { .. } => Some("each set is a folder next to `dataset.toml`".to_owned()),
            // Of the first problem, which is the one that is fixed first: later ones may follow from it.
            Self::Table(problems) => {
                problems.list.first().and_then(|problem| problem.hint).map(str::to_owned)
            }
            Self::Image { fault, .. } => fault.hint(),
            Self::NotMeasured { .. } => {
                Some("call `data::measure` and `ImageSet::take_measured` first".to_owned())
            }
            Self::Contents { cause, .. } => Some(contents_hint(cause.kind()).to_owned()),
            Self::UnknownSet { .. } | Self::Unreadable { .. } | Self::Stopped => None,
        }
    }
}

/// What to do about a file that is part of a fingerprint and cannot be read.
fn contents_hint(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::NotFound | io::ErrorKind::ResourceBusy => {
            "wait until nothing writes into the folder any more, then give the command again"
        }
        io::ErrorKind::PermissionDenied => {
            "the contents of every image are part of the fingerprint: give yourself permission to read this one, or take its \
             row out of the table"
        }
        _ => {
            "the contents of every image are part of the fingerprint: check the disk or the share, or take its row out of \
             the table"
        }
    }
}

/// One mistake in a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The row, if the mistake is in one row; the header is row 1.
    pub row: Option<u64>,
    /// What was expected and found.
    pub message: String,
    /// How to fix it.
    pub hint: Option<&'static str>,
}

/// The mistakes in one table.
#[derive(Clone, Debug)]
pub struct Problems {
    /// The table.
    pub file: PathBuf,
    /// The first ten.
    pub list: Vec<Problem>,
    /// The number of mistakes.
    pub total: usize,
    /// What many of them have in common.
    pub summary: Option<String>,
}

impl Problems {
    /// Number of mistakes described in full.
    pub const MAX_LISTED: usize = 10;

    pub(super) fn new(file: PathBuf) -> Self {
        Self { file, list: Vec::new(), total: 0, summary: None }
    }

    /// Counts a mistake; its message is only built if it is kept.
    pub(super) fn add(
        &mut self,
        row: Option<u64>,
        hint: Option<&'static str>,
        message: impl FnOnce() -> String,
    ) {
        self.total += 1;
        if self.list.len() < Self::MAX_LISTED {
            self.list.push(Problem { row, message: plain(&message()).into_owned(), hint });
        }
    }

    /// The same for a mistake whose hint is found with its message.
    pub(super) fn add_hinted(&mut self, row: Option<u64>, said: impl FnOnce() -> (&'static str, String)) {
        self.total += 1;
        if self.list.len() < Self::MAX_LISTED {
            let (hint, message) = said();
            self.list.push(Problem { row, message: plain(&message).into_owned(), hint: Some(hint) });
        }
    }

    /// An error if there is any mistake.
    pub(super) fn into_result(self) -> Result<(), Error> {
        if self.total == 0 { Ok(()) } else { Err(Error::Table(Box::new(self))) }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.row {
            Some(row) => write!(f, "row {row}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [only] = &self.list[..] {
            return write!(f, "{}: {only}", self.file.display());
        }
        write!(f, "{}: {} problems", self.file.display(), self.total)?;
        for problem in &self.list {
            write!(f, "\n  {problem}")?;
        }
        let more = self.total - self.list.len();
        if more > 0 {
            write!(f, "\n  and {more} more")?;
        }
        self.summary.iter().try_for_each(|summary| write!(f, "\n  {}", plain(summary)))
    }
}
