//! A set's table as text, column by column, for files that carry it along with something else.

use super::{Error, ImageSet};

/// Every column of `enriched_meta.csv`, in its order, a field for each row.
pub struct Metadata {
    /// What the columns are called.
    pub names: Vec<String>,
    /// Their fields.
    pub columns: Vec<Vec<String>>,
}

impl ImageSet {
    /// Reads the whole table again.
    ///
    /// # Errors
    /// If it is not there any more, or is not the table that was opened.
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
