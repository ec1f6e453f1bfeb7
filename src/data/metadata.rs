//! A set's table as text, for files that carry it along with something else.

use super::{Error, ImageSet};
use std::{fs::File, path::PathBuf};

/// `enriched_meta.csv`, read again from its first row on.
pub struct Metadata {
    /// What the columns are called, in their order.
    pub names: Vec<String>,
    path: PathBuf,
    reader: csv::Reader<File>,
}

impl ImageSet {
    /// Opens the table again.
    ///
    /// # Errors
    /// If it is not there any more.
    pub fn metadata(&self) -> Result<Metadata, Error> {
        Metadata::open(self.table())
    }
}

impl Metadata {
    pub(crate) fn open(path: PathBuf) -> Result<Self, Error> {
        let unreadable = |cause: csv::Error| Error::Unreadable { path: path.clone(), cause: cause.into() };
        let mut reader = csv::Reader::from_path(&path).map_err(unreadable)?;
        let names = reader.headers().map_err(unreadable)?.iter().map(String::from).collect();
        Ok(Self { names, path, reader })
    }

    /// The fields of the next rows, `count` of them or what is left, by column.
    ///
    /// # Errors
    /// If the table cannot be read to there.
    pub fn rows(&mut self, count: usize) -> Result<Vec<Vec<String>>, Error> {
        let mut columns = vec![Vec::with_capacity(count); self.names.len()];
        for record in self.reader.records().take(count) {
            let record =
                record.map_err(|cause| Error::Unreadable { path: self.path.clone(), cause: cause.into() })?;
            columns.iter_mut().zip(&record).for_each(|(column, field)| column.push(field.to_owned()));
        }
        Ok(columns)
    }
}
