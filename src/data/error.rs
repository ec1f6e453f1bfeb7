//! What can be wrong with a data set, said with file, row, what was expected and what was found.

use super::image::Fault;
use std::{fmt, io, path::PathBuf};

/// A data set that cannot be used as it is.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder is not there.
    #[error("{}: there is no such folder", root.display())]
    NoFolder {
        /// The folder.
        root: PathBuf,
    },
    /// A folder without description that is not CHAMMI's.
    #[error("{}: found neither `dataset.toml` nor a folder of CHAMMI (Allen, HPA, CP)", root.display())]
    NotADataSet {
        /// The folder.
        root: PathBuf,
    },
    /// `dataset.toml` cannot be understood.
    #[error("{}{}: {message}", file.display(), line.map(|line| format!(", line {line}")).unwrap_or_default())]
    Description {
        /// The file.
        file: PathBuf,
        /// The line, counted from 1, where the message does not say it.
        line: Option<usize>,
        /// What was expected and what was found.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// None of the sets that the description names is there.
    #[error("{}: none of its sets is there: {}", root.display(), names.join(", "))]
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
        /// The sets there are.
        there: Vec<String>,
    },
    /// A file or folder that the system does not let us read.
    #[error("cannot read {}: {cause}", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What the system says; part of the message, so not a source: it would print twice.
        cause: io::Error,
    },
    /// A table with mistakes.
    #[error("{0}")]
    Table(Box<Problems>),
    /// An image that cannot be used.
    #[error("{} (row {row} of {}): {fault}", file.display(), table.display())]
    Image {
        /// The image.
        file: PathBuf,
        /// Its table.
        table: PathBuf,
        /// Its row there; the header is row 1.
        row: u64,
        /// What is wrong with it.
        fault: Box<Fault>,
    },
    /// An image was asked for before the set's percentiles were measured: a slip of the program, not of a person.
    #[error("expected measured percentiles of set `{set}` before its images are read, found none")]
    NotMeasured {
        /// The set.
        set: String,
    },
    /// Somebody asked the work to stop.
    #[error("stopped")]
    Stopped,
}

impl Error {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoFolder { .. } => Some("say where the data lie: --data NAME=PATH".to_owned()),
            Self::NotADataSet { .. } => Some(
                "write a `dataset.toml` that names the sets and their channels, or give the folder that holds Allen, \
                 HPA and CP"
                    .to_owned(),
            ),
            Self::Description { hint, .. } => hint.clone(),
            Self::NoSets { .. } => Some("each set is a folder beside `dataset.toml`".to_owned()),
            Self::Table(problems) => problems.list.iter().find_map(|problem| problem.hint).map(str::to_owned),
            Self::Image { fault, .. } => fault.hint(),
            Self::NotMeasured { .. } => Some("call `data::measure` and `ImageSet::take_measured` first".to_owned()),
            Self::UnknownSet { .. } | Self::Unreadable { .. } | Self::Stopped => None,
        }
    }
}

/// One mistake in a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The row, if it is one row's; the header is row 1.
    pub row: Option<u64>,
    /// What was expected, what was found.
    pub message: String,
    /// What to do.
    pub hint: Option<&'static str>,
}

/// The mistakes in one table.
#[derive(Clone, Debug)]
pub struct Problems {
    /// The table.
    pub file: PathBuf,
    /// The first ten.
    pub list: Vec<Problem>,
    /// How many there are.
    pub total: usize,
}

impl Problems {
    /// How many are kept with their words.
    pub const KEPT: usize = 10;

    pub(super) fn new(file: PathBuf) -> Self {
        Self { file, list: Vec::new(), total: 0 }
    }

    /// Counts one more; the words are only made if they are kept.
    pub(super) fn add(
        &mut self,
        row: Option<u64>,
        hint: Option<&'static str>,
        message: impl FnOnce() -> String,
    ) {
        self.total += 1;
        if self.list.len() < Self::KEPT {
            self.list.push(Problem { row, message: message(), hint });
        }
    }

    /// An error if there is any.
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
        if more > 0 { write!(f, "\n  and {more} more") } else { Ok(()) }
    }
}
