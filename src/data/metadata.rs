//! A set's table as text, column by column, for files that carry a copy of it.

use super::{Error, ImageSet};

/// Every column of `enriched_meta.csv`, in order, one field per row.
pub struct Metadata {
    /// The columns' names.
    pub names: Vec<String>,
    /// Their fields.
    pub columns: Vec<Vec<String>>,
}

impl ImageSet {
    /// Reads the whole table again.
    ///
    /// # Errors
    /// If it no longer exists, or has changed since it was opened.
    pub fn metadata(&self) -> Result<Metadata, Error> {
        let path = self.table();
        let unreadable = |cause: csv::Error| Error::Unreadable { path: path.clone(), cause: cause.into() };
        let mut reader = csv::Reader::from_path(&path).map_err(unreadable)?;
        let names: Vec<String> = reader.headers().map_err(unreadable)?.iter().map(String::from).collect();
        let mut columns = vec![Vec::with_capacity(self.len()); names.len()];
        for record in reader.records() {
            let record = record.map_err(unreadable)?;
            columns.iter_mut().zip(&record).for_each(|(column, field)| column.push(field.to_owned()));
        }
        Ok(Metadata { names, columns })
    }
}
