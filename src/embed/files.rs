//! Files of features, written as they are computed: raw numbers, NumPy's format, or Parquet with all columns
//! of the images' table.

use super::Error;
use crate::{
    atomic_file::{Digest, Growing},
    data::Metadata,
    evaluate::features,
    npy,
    parquet_table::{Column, Kind, ParquetTable},
};
use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

/// Rows of a Parquet row group.
const GROUP: usize = 16_384;

/// The format of the file.
#[expect(clippy::large_enum_variant, reason = "there is one for each file")]
pub enum Layout {
    /// 32-bit floats, row after row.
    Plain,
    /// `.npy`, (rows, width) 32-bit floats.
    Npy,
    /// A text column for each column of the table, and the list column `features`.
    Parquet(Metadata),
}

/// A file of a set's features that is being written. It gets its name when it is [finished](Writer::finish).
pub struct Writer {
    path: PathBuf,
    /// The expected number of rows.
    rows: usize,
    written: usize,
    width: usize,
    to: Option<To>,
}

#[expect(clippy::large_enum_variant, reason = "there is one for each file")]
enum To {
    /// Before the first row, whose width is not known.
    Unknown(Growing, Layout),
    Numbers(Growing),
    Table(Box<Table>),
}

struct Table {
    file: ParquetTable<Growing>,
    metadata: Metadata,
    /// Rows that wait for the rest of their group.
    waiting: Vec<f32>,
}

impl Writer {
    /// Begins the file of `rows` rows at `path`.
    ///
    /// # Errors
    /// If the file cannot be created.
    pub fn new(path: &Path, layout: Layout, rows: usize) -> Result<Self, Error> {
        let file = Growing::create(path).map_err(|source| Error::Write { path: path.into(), source })?;
        Ok(Self { path: path.into(), rows, written: 0, width: 0, to: Some(To::Unknown(file, layout)) })
    }

    /// Length of a row, once there is one.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Adds some rows of `width` numbers.
    ///
    /// # Errors
    /// If they cannot be written, or the table cannot be read.
    pub fn add(&mut self, features: &[f32], width: usize) -> Result<(), Error> {
        self.width = width;
        self.written += features.len() / width;
        let mut to = self.to.take().expect("a writer that failed is not used again");
        if let To::Unknown(file, layout) = to {
            to = self.begin(file, layout)?;
        }
        match &mut to {
            To::Unknown(..) => unreachable!("it has begun"),
            To::Numbers(file) => features::write(file, features).map_err(|error| self.failed(error))?,
            To::Table(table) => {
                table.waiting.extend_from_slice(features);
                while table.waiting.len() >= GROUP * width {
                    self.group(table, GROUP)?;
                }
            }
        }
        self.to = Some(to);
        Ok(())
    }

    /// Ends the file.
    ///
    /// # Errors
    /// If it cannot be written, or has other rows than it was to have.
    pub fn finish(mut self) -> Result<Digest, Error> {
        if self.written != self.rows {
            let found = format!("expected {} rows of features, found {}", self.rows, self.written);
            return Err(self.failed(io::Error::other(found)));
        }
        let file = match self.to.take() {
            None | Some(To::Unknown(..)) => {
                return Err(self.failed(io::Error::other("there are no features")));
            }
            Some(To::Numbers(file)) => file,
            Some(To::Table(mut table)) => {
                let rows = table.waiting.len() / self.width;
                if rows > 0 {
                    self.group(&mut table, rows)?;
                }
                table.file.finish().map_err(|error| self.failed(error.into()))?
            }
        };
        file.finish().map_err(|error| self.failed(error))
    }

    fn begin(&self, mut file: Growing, layout: Layout) -> Result<To, Error> {
        Ok(match layout {
            Layout::Plain => To::Numbers(file),
            Layout::Npy => {
                let header = npy::header(self.rows, self.width);
                file.write_all(&header).map_err(|error| self.failed(error))?;
                To::Numbers(file)
            }
            Layout::Parquet(metadata) => {
                let text = |name| Column { name, kind: Kind::Text, optional: false };
                let mut columns: Vec<Column<'_>> = metadata.names.iter().map(|name| text(name)).collect();
                columns.push(Column { name: "features", kind: Kind::Floats, optional: false });
                let file = ParquetTable::new(file, "features", &columns);
                let file = file.map_err(|error| self.failed(error.into()))?;
                To::Table(Box::new(Table { file, metadata, waiting: Vec::new() }))
            }
        })
    }

    fn group(&self, table: &mut Table, rows: usize) -> Result<(), Error> {
        let columns = table.metadata.rows(rows)?;
        let found = columns.first().map_or(rows, Vec::len);
        if found != rows {
            let changed = format!("the table has changed: expected {rows} more rows, found {found}");
            return Err(self.failed(io::Error::other(changed)));
        }
        let numbers = rows * self.width;
        let written = table.file.group(|group| {
            for column in columns {
                group.cells(column.into_iter().map(Some))?;
            }
            group.lists(table.waiting[..numbers].chunks_exact(self.width).map(|row| row.iter().copied()))
        });
        table.waiting.drain(..numbers);
        written.map_err(|error| self.failed(error.into()))
    }

    fn failed(&self, source: io::Error) -> Error {
        Error::Write { path: self.path.clone(), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Tensor;
    use parquet::{
        file::reader::{FileReader, SerializedFileReader},
        record::Field,
    };
    use std::fs::{self, File};

    /// Rows of two numbers each, in uneven pieces.
    fn written(path: &Path, layout: Layout, rows: usize) -> Result<Digest, Error> {
        let features: Vec<f32> = (0..rows * 2).map(|at| at as f32).collect();
        let mut writer = Writer::new(path, layout, rows)?;
        features.chunks(2 * 777).try_for_each(|rows| writer.add(rows, 2))?;
        writer.finish()
    }

    fn metadata(folder: &Path, rows: usize) -> Metadata {
        let lines: String = (0..rows).map(|row| format!("{row}.png,\"a \"\"b\"\"\"\n")).collect();
        let path = folder.join("enriched_meta.csv");
        fs::write(&path, format!("file path,Label\n{lines}")).unwrap();
        Metadata::open(path).unwrap()
    }

    #[test]
    fn a_parquet_file_holds_the_table_and_a_list_for_each_row() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("features.parquet");
        let rows = 2 * GROUP + 3;
        written(&path, Layout::Parquet(metadata(folder.path(), rows)), rows).unwrap();
        let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
        assert_eq!(reader.num_row_groups(), 3);
        let found: Vec<_> = reader.get_row_iter(None).unwrap().map(|row| row.unwrap()).collect();
        assert_eq!(found.len(), rows);
        for row in [0, GROUP, rows - 1] {
            let fields: Vec<(String, Field)> =
                found[row].get_column_iter().map(|(name, field)| (name.clone(), field.clone())).collect();
            assert_eq!(fields[0], ("file path".into(), Field::Str(format!("{row}.png"))));
            assert_eq!(fields[1], ("Label".into(), Field::Str("a \"b\"".into())));
            let Field::ListInternal(list) = &fields[2].1 else { panic!("a list, found {:?}", fields[2]) };
            let expected = [2 * row, 2 * row + 1].map(|at| Field::Float(at as f32));
            assert_eq!(list.elements(), expected);
        }
        let short = written(&path, Layout::Parquet(metadata(folder.path(), rows - 1)), rows);
        assert!(short.unwrap_err().to_string().contains("the table has changed"));
    }

    #[test]
    fn numpys_format_comes_back_and_numbers_alone_are_the_same_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let [path, plain] = ["features.npy", "features.f32"].map(|name| folder.path().join(name));
        let digest = written(&path, Layout::Npy, 2000).unwrap();
        assert_eq!(digest, Digest::of(&path).unwrap());
        let found = Tensor::read_npy(&path).unwrap();
        assert_eq!(found.dims(), [2000, 2]);
        let values: Vec<f32> = found.flatten_all().unwrap().to_vec1().unwrap();
        assert!(values.iter().enumerate().all(|(at, value)| *value == at as f32));
        written(&plain, Layout::Plain, 2000).unwrap();
        assert!(fs::read(&path).unwrap().ends_with(&fs::read(&plain).unwrap()));
        assert_eq!(fs::metadata(&plain).unwrap().len(), 16_000);
    }

    #[test]
    fn an_unfinished_file_has_no_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("features.npy");
        let mut writer = Writer::new(&path, Layout::Npy, 3).unwrap();
        writer.add(&[1.0, 2.0], 1).unwrap();
        assert!(!path.exists());
        let short = writer.finish().unwrap_err().to_string();
        assert!(short.contains("expected 3 rows of features, found 2"), "{short}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
