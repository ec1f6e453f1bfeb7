//! Exports the store's numbers for other programs: tables, TensorBoard event files, MLflow folders.
//!
//! `selection` queries the store; each format has its own file. Memory holds only a batch of runs and a page of
//! points. Exporting the same store twice gives the same files, each replaced atomically.

mod csv;
mod error;
mod json;
mod mlflow;
mod names;
mod parquet;
mod record;
mod selection;
mod tables;
mod tensorboard;

pub use error::Error;

use crate::{
    atomic_file,
    event::{Event, Listen},
    store::Reader,
};
use selection::Selection;
use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

/// The formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `runs.csv`, `scores.csv`, `floors.csv`, `curves.csv`.
    Csv,
    /// `dichroic.json` with the same four lists.
    Json,
    /// The same four tables as Parquet.
    Parquet,
    /// A folder with one event file per run.
    TensorBoard,
    /// `mlruns`, MLflow's file store.
    MlFlow,
}

/// The selected runs; all if nothing is given.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Those of these experiments: a pattern of SQLite's `GLOB`.
    pub experiment: Option<String>,
    /// Those whose id begins with this.
    pub run: Option<String>,
}

/// A file or a folder that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its path.
    pub path: PathBuf,
    /// The number of items in it.
    pub count: u64,
    /// The unit, in the singular: `row`, `run`.
    pub unit: &'static str,
}

/// Writes the runs that are `wanted` into the folder `out`, which is created if it does not exist.
///
/// # Errors
/// If the store has no such run or cannot be read, a file cannot be written, or the listener asks to stop.
pub fn export(
    store: &Reader,
    format: Format,
    wanted: &Wanted,
    out: &Path,
    listener: &mut dyn Listen,
) -> Result<Vec<Written>, Error> {
    if out.exists() && !out.is_dir() {
        return Err(Error::NotAFolder(out.into()));
    }
    let selection = Selection::new(store, wanted)?;
    let pace = &mut Pace { listener, done: 0 };
    match format {
        Format::Csv => csv::write(&selection, out, pace),
        Format::Json => json::write(&selection, out, pace),
        Format::Parquet => parquet::write(&selection, out, pace),
        Format::TensorBoard => tensorboard::write(&selection, out, pace),
        Format::MlFlow => mlflow::write(&selection, out, pace),
    }
}

/// Reports progress to the listener, and asks it whether to stop.
struct Pace<'a> {
    listener: &'a mut dyn Listen,
    done: u64,
}

impl Pace<'_> {
    /// Begins an activity of `runs` runs.
    fn begin(&mut self, what: &str, runs: usize) {
        self.done = 0;
        self.listener.receive(&Event::Began { what, unit: "run", total: runs as u64 });
    }

    /// `runs` more runs are done.
    fn advance(&mut self, runs: usize) -> Result<(), Error> {
        self.done += runs as u64;
        self.listener.receive(&Event::Advanced { done: self.done, note: "" });
        self.check()
    }

    fn check(&self) -> Result<(), Error> {
        if self.listener.stop() { Err(Error::Stopped) } else { Ok(()) }
    }

    fn end(&mut self) {
        self.listener.receive(&Event::Ended);
    }
}

/// Fills one file; creates its folder if it does not exist.
fn file<T>(path: &Path, fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<T>) -> Result<T, Error> {
    folder(path.parent().unwrap_or(Path::new("")))?;
    let mut answer = None;
    let write = |part: &Path| {
        let mut out = BufWriter::with_capacity(1 << 17, File::create(part)?);
        answer = Some(fill(&mut out)?);
        out.flush()
    };
    atomic_file::fill(path, write).map_err(Error::of_file(path))?;
    Ok(answer.expect("a file that is there was filled"))
}

/// The same for one of very many small files.
fn small_file(path: &Path, fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> Result<(), Error> {
    folder(path.parent().unwrap_or(Path::new("")))?;
    let write = |part: &Path| {
        let mut out = BufWriter::new(File::create(part)?);
        fill(&mut out)?;
        out.flush()
    };
    atomic_file::fill_lightly(path, write).map_err(Error::of_file(path))
}

fn folder(path: &Path) -> Result<(), Error> {
    fs::create_dir_all(path).map_err(|source| Error::Write { path: path.into(), source })
}

#[cfg(test)]
mod tests;
