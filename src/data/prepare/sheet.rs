//! Tables as they are published: CSV and TSV, packed with gzip or not, and Parquet. All become rows of text.

use super::super::{Error, Problems, dialect, table::not_csv};
use crate::{memory, panic_text, parquet_pages};
use csv::StringRecord;
use flate2::read::MultiGzDecoder;
use parquet::{
    column::reader::{ColumnReader, ColumnReaderImpl},
    data_type::{ByteArray, DataType},
    errors::ParquetError,
    file::reader::{FileReader, RowGroupReader, SerializedFileReader},
};
use std::{
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
};

/// A table in memory.
pub(super) struct Sheet {
    pub(super) file: PathBuf,
    pub(super) header: StringRecord,
    pub(super) rows: Vec<StringRecord>,
    /// Names of columns that are never taken for others misspelt.
    pub(super) asked: Vec<String>,
}

/// More than any table of metadata has.
const MOST_BYTES: u64 = 1 << 30;

impl Sheet {
    /// Reads a table. `usual` are names of columns by which another separator is recognised.
    ///
    /// # Errors
    /// If it is no such table, or has no rows.
    pub(super) fn read(file: &Path, usual: &[&str]) -> Result<Self, Error> {
        let unreadable = |cause| Error::Unreadable { path: file.to_owned(), cause };
        let mut problems = Problems::new(file.to_owned());
        let refused = |mut problems: Problems, message: String, hint: &'static str| {
            problems.add(None, Some(hint), || message);
            Error::Table(Box::new(problems))
        };
        if let Some(kind) = super::super::paths::instead(file) {
            return Err(refused(
                problems,
                format!("expected a table, found {kind}"),
                "give the file of the table",
            ));
        }
        let mut bytes = fs::read(file).map_err(unreadable)?;
        if bytes.starts_with(b"PAR1") {
            let (header, rows) = parquet(file).map_err(|why| refused(problems, why, PARQUET))?;
            return Self { file: file.to_owned(), header, rows, asked: Vec::new() }.not_empty();
        }
        if bytes.starts_with(&[0x1f, 0x8b]) {
            let mut unpacked = Vec::new();
            if let Err(error) = MultiGzDecoder::new(&bytes[..]).take(MOST_BYTES).read_to_end(&mut unpacked) {
                let why = format!("expected a table packed with gzip: {error}");
                return Err(refused(problems, why, "the file is cut short or damaged: download it again"));
            }
            bytes = unpacked;
        }
        if let Some((message, hint)) = dialect::of_start(&bytes[..bytes.len().min(4096)]) {
            return Err(refused(problems, message, hint));
        }
        let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let tabs = first.contains(&b'\t') && !first.contains(&b',');
        let mut table =
            csv::ReaderBuilder::new().delimiter(if tabs { b'\t' } else { b',' }).from_reader(&bytes[..]);
        let header = match table.headers() {
            Ok(header) => header.clone(),
            Err(error) => return Err(not_csv(problems, &error)),
        };
        if let Some((message, hint)) = dialect::of_header(&header, usual) {
            return Err(refused(problems, message, hint));
        }
        let mut rows = Vec::new();
        for row in table.records() {
            match row {
                Ok(row) => rows.push(row),
                Err(error) => return Err(not_csv(problems, &error)),
            }
        }
        problems.total = 0;
        Self { file: file.to_owned(), header, rows, asked: Vec::new() }.not_empty()
    }

    fn not_empty(self) -> Result<Self, Error> {
        if self.rows.is_empty() {
            let mut problems = Problems::new(self.file);
            problems.add(None, Some("the table is cut short or of nothing: download it again"), || {
                "expected rows below the header, found none".to_owned()
            });
            return Err(Error::Table(Box::new(problems)));
        }
        Ok(self)
    }

    /// The place of a column.
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.header.iter().position(|found| found == name)
    }

    /// The place of a column that must be there; without it, a problem is noted.
    pub(super) fn need(
        &self,
        name: &str,
        what: &str,
        hint: &'static str,
        problems: &mut Problems,
    ) -> Option<usize> {
        let place = self.place(name);
        if place.is_none() {
            // A column that is itself asked for is not another one misspelt.
            let others = self.header.iter().filter(|found| !self.asked.iter().any(|asked| asked == found));
            let near = dialect::near(&[name], &others.collect());
            let (there, hint) =
                near.unwrap_or_else(|| (format!("found {}", dialect::listed(&self.header)), hint));
            problems.add_hinted(None, || (hint, format!("expected a column `{name}` ({what}), {there}")));
        }
        place
    }

    /// The rows with their numbers as spreadsheets count; the header is row 1.
    pub(super) fn numbered(&self) -> impl Iterator<Item = (u64, &StringRecord)> {
        (2..).zip(&self.rows)
    }
}

const PARQUET: &str = "download the file again, or take the table of the same name that ends in .csv";

/// Header and rows of a Parquet file, whatever the types of its columns.
fn parquet(file: &Path) -> Result<(StringRecord, Vec<StringRecord>), String> {
    let read = || -> Result<_, ParquetError> {
        let reader = SerializedFileReader::new(File::open(file)?)?;
        let columns = reader.metadata().file_metadata().schema_descr().columns();
        let flat: Vec<usize> = (0..columns.len()).filter(|at| columns[*at].max_rep_level() == 0).collect();
        let header: StringRecord = flat.iter().map(|at| columns[*at].name()).collect();
        let mut rows = Vec::new();
        for group in 0..reader.num_row_groups() {
            let group = reader.get_row_group(group)?;
            let texts = flat.iter().map(|at| texts(group.as_ref(), *at)).collect::<Result<Vec<_>, _>>()?;
            let count = texts.first().map_or(0, Vec::len);
            rows.extend(
                (0..count).map(|row| texts.iter().map(|column| &column[row]).collect::<StringRecord>()),
            );
        }
        Ok((header, rows))
    };
    // The parser may panic on a damaged file.
    let read = panic_text::caught(read).unwrap_or_else(|| Err(ParquetError::General("it is damaged".into())));
    read.map_err(|error| format!("expected a Parquet file: {error}"))
}

/// A column of a row group as texts; what is null is empty.
fn texts(group: &dyn RowGroupReader, at: usize) -> Result<Vec<String>, ParquetError> {
    let wrong = |what: String| ParquetError::General(what);
    let rows = usize::try_from(group.metadata().num_rows())
        .map_err(|_| wrong("a negative number of rows".into()))?;
    // A few bytes can be many equal rows.
    if memory::available().is_some_and(|free| rows as u64 > free / 4096) {
        return Err(wrong(format!("expected rows that fit into memory, found {rows}")));
    }
    match parquet_pages::column(group, at)? {
        ColumnReader::ByteArrayColumnReader(reader) => {
            all(reader, rows, |text: &ByteArray| Ok(text.as_utf8()?.to_owned()))
        }
        ColumnReader::Int32ColumnReader(reader) => all(reader, rows, |number| Ok(number.to_string())),
        ColumnReader::Int64ColumnReader(reader) => all(reader, rows, |number| Ok(number.to_string())),
        ColumnReader::FloatColumnReader(reader) => all(reader, rows, |number| Ok(number.to_string())),
        ColumnReader::DoubleColumnReader(reader) => all(reader, rows, |number| Ok(number.to_string())),
        ColumnReader::BoolColumnReader(reader) => all(reader, rows, |is| Ok(is.to_string())),
        // Dates and the like: no column that is asked for.
        _ => Ok(vec![String::new(); rows]),
    }
}

fn all<T: DataType>(
    mut reader: ColumnReaderImpl<T>,
    rows: usize,
    text: impl Fn(&T::T) -> Result<String, ParquetError>,
) -> Result<Vec<String>, ParquetError> {
    let (mut values, mut there) = (Vec::new(), Vec::new());
    let read = parquet_pages::in_portions(rows, |portion| {
        reader.read_records(portion, Some(&mut there), None, &mut values)
    })?;
    if read != rows {
        return Err(ParquetError::General(format!("expected {rows} rows, found {read}")));
    }
    if there.is_empty() {
        return values.iter().map(text).collect();
    }
    let full = there.iter().copied().max().unwrap_or(0).max(1);
    let mut values = values.iter();
    let of = |level: &i16| {
        if *level == full { values.next().map_or(Ok(String::new()), &text) } else { Ok(String::new()) }
    };
    there.iter().map(of).collect()
}
