//! Queries on the store, with columns by name; read-only connections that are reused between requests.

use crate::store::{Error, Reader, Rows, Store, Value};
use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

/// Idle connections that are kept; more are opened if more pages are requested at once.
const MAX_IDLE: usize = 4;

/// Connections to one store.
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<(Reader, Identity)>>,
}

/// The file that a connection reads: a store that was removed and created again is a different file under the
/// same name.
pub(super) type Identity = Option<(u64, u64)>;

#[cfg(unix)]
pub(super) fn identity(path: &Path) -> Identity {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

#[cfg(not(unix))]
pub(super) fn identity(_: &Path) -> Identity {
    None
}

impl Readers {
    /// Opens connections to the store at `path`.
    ///
    /// # Errors
    /// If the file is missing or is not a store of this program.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let readers = Self { path: path.to_owned(), idle: Mutex::default() };
        readers.with(|_| Ok(()))?;
        Ok(readers)
    }

    /// The store's file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Lends a connection to `f`.
    ///
    /// # Errors
    /// If the store cannot be opened, and those of `f`.
    pub(super) fn with<T>(&self, f: impl FnOnce(&Ask<'_>) -> Result<T, Error>) -> Result<T, Error> {
        let present = identity(&self.path);
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = {
            let mut idle = idle();
            idle.retain(|(_, opened)| *opened == present);
            idle.pop()
        };
        let reader = match kept {
            Some((reader, _)) => reader,
            None => Store::open_read_only(&self.path)?,
        };
        let answer = f(&Ask { reader: &reader });
        let mut idle = idle();
        if idle.len() < MAX_IDLE {
            idle.push((reader, present));
        }
        answer
    }
}

/// One connection.
pub(super) struct Ask<'a> {
    reader: &'a Reader,
}

impl Ask<'_> {
    /// The rows of a query, with a value for each `?`.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub(super) fn rows(&self, sql: &str, values: &[Value]) -> Result<Rows, Error> {
        self.reader.query_with(sql, values)
    }

    /// The first column of the first row.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub(super) fn number(&self, sql: &str, values: &[Value]) -> Result<Option<f64>, Error> {
        let answer = self.reader.query_with(sql, values)?;
        Ok(answer.rows.first().and_then(|row| row.first()?.real()))
    }

    /// The store itself.
    pub(super) fn store(&self) -> &Reader {
        self.reader
    }
}
