//! A set's table as text, for files that carry it along with something else.

use super::{Error, ImageSet};
use std::{fs::File, path::PathBuf};

/// The rows of a set in its table, read again from the first one on.
pub struct Metadata {
    /// What the columns are called, in their order.
    pub names: Vec<String>,
    path: PathBuf,
    reader: csv::Reader<File>,
    /// Of a table that other sets share.
    shared: Option<Shared>,
}

/// The rows of one set in a table of several.
struct Shared {
    /// The row that is read next, as spreadsheets count.
    next: u32,
    /// The rows of the set, in descending order, and the keys of its images.
    rows: Vec<(u32, String)>,
    /// Whether keys are a column that the table does not have: features are found by it.
    keyed: bool,
}

/// The column of keys.
const KEY: &str = "file_path";

impl ImageSet {
    /// Opens the table again.
    ///
    /// # Errors
    /// If it is not there any more.
    pub fn metadata(&self) -> Result<Metadata, Error> {
        let mut opened = Metadata::open(self.table())?;
        if !self.rows.lines.is_empty() {
            let keyed = !opened.names.iter().any(|name| name == KEY);
            opened.names.extend(keyed.then(|| KEY.to_owned()));
            let rows = self.rows.lines.iter().enumerate();
            let mut rows: Vec<(u32, String)> =
                rows.map(|(row, line)| (*line, self.key(row as u32).to_owned())).collect();
            rows.reverse();
            opened.shared = Some(Shared { next: 2, rows, keyed });
        }
        Ok(opened)
    }
}

impl Metadata {
    pub(crate) fn open(path: PathBuf) -> Result<Self, Error> {
        let unreadable = |cause: csv::Error| Error::Unreadable { path: path.clone(), cause: cause.into() };
        let mut reader = csv::Reader::from_path(&path).map_err(unreadable)?;
        let names = reader.headers().map_err(unreadable)?.iter().map(String::from).collect();
        Ok(Self { names, path, reader, shared: None })
    }

    /// The fields of the next rows, `count` of them or what is left, by column.
    ///
    /// # Errors
    /// If the table cannot be read to there.
    pub fn rows(&mut self, count: usize) -> Result<Vec<Vec<String>>, Error> {
        let mut columns = vec![Vec::with_capacity(count); self.names.len()];
        let Self { path, reader, shared, .. } = self;
        let unreadable = |cause: csv::Error| Error::Unreadable { path: path.clone(), cause: cause.into() };
        let mut left = count;
        let mut record = csv::StringRecord::new();
        while left > 0 && reader.read_record(&mut record).map_err(unreadable)? {
            if let Some(shared) = shared {
                let line = shared.next;
                shared.next += 1;
                match shared.rows.pop_if(|(of, _)| *of == line) {
                    None => continue,
                    Some((_, key)) if shared.keyed => record.push_field(&key),
                    Some(_) => {}
                }
            }
            columns.iter_mut().zip(&record).for_each(|(column, field)| column.push(field.to_owned()));
            left -= 1;
        }
        Ok(columns)
    }
}
