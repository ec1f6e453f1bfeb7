//! The experiment database: one SQLite file with every run, identified by what it computes, its provenance,
//! and every number that it produced.
//!
//! [`Store`] writes, [`Reader`] queries. A run consists of works; a process [claims](Store::claim) a work and
//! gets an [`Attempt`], the only thing that can store curves, files and scores. The interface is synchronous.

mod answer;
mod attempt;
mod care;
mod curves;
mod dataset;
mod db;
mod error;
mod line;
mod lock;
mod merge;
mod migrate;
mod names;
mod placements;
mod progress;
mod provenance;
mod published;
mod query;
mod register;
mod remarks;
mod rows;
mod sample;
mod stale;
mod writer;

pub use answer::{Row, Rows, Value};
pub use attempt::{Attempt, Claim, Metrics};
pub use care::Health;
pub use dataset::{OtherContents, short_fingerprint};
pub use error::Error;
pub use merge::Merged;
pub(crate) use names::{work_folder, works_folder};
pub use provenance::{Code, Git, Host, Provenance};
pub use query::Reader;
pub use rows::{
    ArtifactRow, DataKind, DatasetRow, ExperimentRow, Floor, Outcome, Owner, PlacementRow, PublishedRow,
    Removed, RunRow, RunState, Scale, ScoreRow, Status, WorkRow, WorkState, images,
};

use std::path::{Path, PathBuf};
use std::sync::Arc;
use writer::{Thread, Writer};

/// An open store. Dropping it flushes pending writes; [`close`](Self::close) also reports whether that
/// worked.
pub struct Store {
    path: PathBuf,
    writer: Arc<Writer>,
    thread: Option<Thread>,
    reader: Reader,
}

impl Store {
    /// Opens the store at `path`; creates its folder and file if they do not exist, and upgrades an older one
    /// after copying it to `<name>.before-N.db`. Any number of processes may do this at once. Work whose
    /// process has died goes back to `queued`.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let db = migrate::open(path)?;
        let reader = Reader::open(path)?;
        let io = |source| Error::Io { what: "start a thread for", path: path.into(), source };
        let (writer, thread) = Writer::start(db).map_err(io)?;
        Ok(Self { path: path.into(), writer, thread: Some(thread), reader })
    }

    /// Opens the store at `path` for reading only: nothing is created, migrated or changed.
    pub fn open_read_only(path: impl AsRef<Path>) -> Result<Reader, Error> {
        let path = path.as_ref();
        if !path.exists() {
            return Err(Error::Absent(path.into()));
        }
        migrate::check(path)?;
        Reader::open(path)
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A reader that sees everything written to the store before this call.
    pub fn read(&self) -> Result<&Reader, Error> {
        self.writer.flush()?;
        Ok(&self.reader)
    }

    /// Flushes pending writes and closes the file.
    pub fn close(mut self) -> Result<(), Error> {
        self.end()
    }

    fn end(&mut self) -> Result<(), Error> {
        self.writer.close();
        match self.thread.take() {
            Some(thread) => thread.join().unwrap_or(Err(Error::Closed)),
            None => Ok(()),
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

/// The folder of a store's files, next to it: `<store>.d`.
pub(crate) fn files(store: &Path) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push(".d");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests;
