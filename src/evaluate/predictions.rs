//! What was predicted for every image, as a Parquet file that pandas, polars and DuckDB read, there and back.

use super::{Error, TaskScore, units::Unit};
use parquet::basic::Compression;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::{ByteArray, DataType};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use std::{fs::File, path::Path, sync::Arc};

/// One row per image and task. `nearest` and `similarity` are empty where nothing was compared, the units that an image
/// belongs to where the table does not say.
const SCHEMA: &str = "message predictions {
  required binary set (UTF8);
  required binary task (UTF8);
  required binary image (UTF8);
  required binary truth (UTF8);
  required binary predicted (UTF8);
  optional binary nearest (UTF8);
  optional float similarity;
  optional binary field_of_view (UTF8);
  optional binary well (UTF8);
  optional binary plate (UTF8);
  optional binary group (UTF8);
}";

/// A task's score with what is needed to name its images and labels.
#[derive(Clone, Copy)]
pub struct Named<'a> {
    /// The score and its predictions.
    pub score: &'a TaskScore,
    /// The key of an image of the set by its row: its `file_path`.
    pub key: &'a dyn Fn(u32) -> &'a str,
    /// What the set's labels are called.
    pub label_names: &'a [String],
    /// The unit that the image of a row belongs to.
    pub unit: &'a dyn Fn(Unit, u32) -> Option<String>,
}

/// One line of the file: one image in one task.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// The set: `Allen`.
    pub set: String,
    /// The task in it: `Task_one`.
    pub task: String,
    /// The image's `file_path`.
    pub image: String,
    /// Its label.
    pub truth: String,
    /// The label that it was given.
    pub predicted: String,
    /// The image that it was taken from; `None` where nothing was compared.
    pub nearest: Option<String>,
    /// How near that image is: the cosine, or minus the Euclidean distance.
    pub similarity: Option<f32>,
    /// The units that the image belongs to, in the order of [`Unit::KEPT`].
    pub units: [Option<String>; 4],
}

impl Row {
    /// The unit that the image belongs to, if it is known.
    pub fn unit(&self, unit: Unit) -> Option<&str> {
        if unit == Unit::Image {
            return Some(&self.image);
        }
        let place = Unit::KEPT.iter().position(|kept| *kept == unit)?;
        self.units[place].as_deref()
    }
}

/// Writes the predictions of all tasks, one row group each; the bytes depend on nothing else.
/// Tasks without predictions (the prior's) are left out.
///
/// # Errors
/// [`Error::Write`] with the file and the reason.
pub fn write(path: &Path, tasks: &[Named<'_>]) -> Result<(), Error> {
    let result = File::create(path).map_err(Into::into).and_then(|file| write_to(file, tasks));
    result.map_err(|source| Error::Write { path: path.into(), source: source.into() })
}

fn write_to(file: File, tasks: &[Named<'_>]) -> Result<(), ParquetError> {
    let schema = Arc::new(parse_message_type(SCHEMA)?);
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_created_by(concat!("dichroic version ", env!("CARGO_PKG_VERSION")).into())
        .build();
    let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties))?;
    for task in tasks.iter().filter(|task| !task.score.predictions.is_empty()) {
        let mut group = writer.next_row_group()?;
        let predictions = &task.score.predictions;
        let label = |label: u16| task.label_names[usize::from(label)].as_str();
        text(&mut group, predictions.iter().map(|_| Some(task.score.set.as_str())))?;
        text(&mut group, predictions.iter().map(|_| Some(task.score.task.as_str())))?;
        text(&mut group, predictions.iter().map(|prediction| Some((task.key)(prediction.row))))?;
        text(&mut group, predictions.iter().map(|prediction| Some(label(prediction.truth))))?;
        text(&mut group, predictions.iter().map(|prediction| Some(label(prediction.predicted))))?;
        text(&mut group, predictions.iter().map(|prediction| prediction.nearest.map(task.key)))?;
        floats(&mut group, predictions.iter().map(|prediction| prediction.similarity))?;
        for unit in Unit::KEPT {
            text(&mut group, predictions.iter().map(|prediction| (task.unit)(unit, prediction.row)))?;
        }
        group.close()?;
    }
    writer.close()?;
    Ok(())
}

/// Parquet keeps the values that are there, and beside them which are.
fn split<T>(values: impl Iterator<Item = Option<T>>) -> (Vec<i16>, Vec<T>) {
    let mut there = Vec::new();
    let values = values.inspect(|value| there.push(i16::from(value.is_some()))).flatten().collect();
    (there, values)
}

fn text<T: AsRef<[u8]>>(
    group: &mut SerializedRowGroupWriter<'_, File>,
    values: impl Iterator<Item = Option<T>>,
) -> Result<(), ParquetError> {
    let bytes = |value: T| ByteArray::from(value.as_ref().to_vec());
    let (there, values) = split(values.map(|value| value.map(bytes)));
    let mut column = group.next_column()?.expect("as many columns are written as the schema has");
    if let ColumnWriter::ByteArrayColumnWriter(writer) = column.untyped() {
        writer.write_batch(&values, Some(&there), None)?;
    }
    column.close()
}

fn floats(
    group: &mut SerializedRowGroupWriter<'_, File>,
    values: impl Iterator<Item = Option<f32>>,
) -> Result<(), ParquetError> {
    let (there, values) = split(values);
    let mut column = group.next_column()?.expect("as many columns are written as the schema has");
    if let ColumnWriter::FloatColumnWriter(writer) = column.untyped() {
        writer.write_batch(&values, Some(&there), None)?;
    }
    column.close()
}

/// Reads what [`write()`] wrote, in the same order. Columns are found by name; further ones are passed over, and units
/// need not be there.
///
/// # Errors
/// [`Error::Read`] with the file and the reason.
pub fn read(path: &Path) -> Result<Vec<Row>, Error> {
    let result = File::open(path).map_err(Into::into).and_then(|file| read_from(file, false));
    result.map_err(|source| Error::Read { path: path.into(), source: source.into() })
}

fn read_from(file: File, neighbours: bool) -> Result<Vec<Row>, ParquetError> {
    let reader = SerializedFileReader::new(file)?;
    let schema = reader.metadata().file_metadata().schema_descr();
    let place = |name: &str| schema.columns().iter().position(|column| column.name() == name);
    let required = |name: &str| {
        place(name).ok_or_else(|| ParquetError::General(format!("expected a column `{name}`, found none")))
    };
    let [set, task, image, truth, predicted] = ["set", "task", "image", "truth", "predicted"].map(required);
    let [set, task, image, truth, predicted] = [set?, task?, image?, truth?, predicted?];
    let mut rows = Vec::new();
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group)?;
        let count = group.metadata().num_rows() as usize;
        let first = rows.len();
        rows.resize_with(first + count, Row::default);
        let rows = &mut rows[first..];
        type Field = fn(&mut Row, String);
        let fields: [(usize, Field); 5] = [
            (set, |row, text| row.set = text),
            (task, |row, text| row.task = text),
            (image, |row, text| row.image = text),
            (truth, |row, text| row.truth = text),
            (predicted, |row, text| row.predicted = text),
        ];
        for (at, field) in fields {
            texts(group.as_ref(), at, rows, |row, text| field(row, text.unwrap_or_default()))?;
        }
        if let Some(at) = place("nearest").filter(|_| neighbours) {
            texts(group.as_ref(), at, rows, |row, text| row.nearest = text)?;
        }
        for (number, unit) in Unit::KEPT.into_iter().enumerate() {
            if let Some(at) = place(unit.name()) {
                texts(group.as_ref(), at, rows, |row, text| row.units[number] = text)?;
            }
        }
        if let Some(at) = place("similarity").filter(|_| neighbours) {
            let ColumnReader::FloatColumnReader(reader) = group.get_column_reader(at)? else {
                return Err(ParquetError::General("column `similarity`: expected 32-bit floats".into()));
            };
            column(reader, rows, |row, value| row.similarity = value.copied())?;
        }
    }
    Ok(rows)
}

/// A column of texts into the rows.
fn texts(
    group: &dyn RowGroupReader,
    at: usize,
    rows: &mut [Row],
    put: impl Fn(&mut Row, Option<String>),
) -> Result<(), ParquetError> {
    let name = group.metadata().column(at).column_descr().name().to_owned();
    let ColumnReader::ByteArrayColumnReader(reader) = group.get_column_reader(at)? else {
        return Err(ParquetError::General(format!("column `{name}`: expected text")));
    };
    let mut wrong = false;
    column(reader, rows, |row, value: Option<&ByteArray>| {
        let text = value.map(|value| value.as_utf8().map(String::from));
        wrong |= matches!(text, Some(Err(_)));
        put(row, text.and_then(Result::ok));
    })?;
    let error = || ParquetError::General(format!("column `{name}`: expected text in UTF-8"));
    if wrong { Err(error()) } else { Ok(()) }
}

/// A column into the rows.
fn column<T: DataType>(
    mut reader: ColumnReaderImpl<T>,
    rows: &mut [Row],
    mut put: impl FnMut(&mut Row, Option<&T::T>),
) -> Result<(), ParquetError> {
    let (mut values, mut there) = (Vec::new(), Vec::new());
    let (read, _, _) = reader.read_records(rows.len(), Some(&mut there), None, &mut values)?;
    if read != rows.len() {
        return Err(ParquetError::General(format!("expected {} rows, found {read}", rows.len())));
    }
    // Required columns have no marks.
    let mut values = values.iter();
    for (at, row) in rows.iter_mut().enumerate() {
        let is_there = there.get(at).is_none_or(|mark| *mark > 0);
        put(row, if is_there { values.next() } else { None });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::Prediction;
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let predictions = vec![
            Prediction { row: 1, truth: 0, predicted: 1, nearest: Some(0), similarity: Some(0.25) },
            Prediction { row: 2, truth: 1, predicted: 1, nearest: None, similarity: None },
        ];
        let score = TaskScore {
            data: "d".into(),
            set: "Allen".into(),
            task: "Task_one".into(),
            accuracy: 0.5,
            f1_macro: 0.5,
            per_class: vec![],
            predictions,
        };
        let names: Vec<String> = ["M0", "M3"].map(String::from).into();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.parquet");
        write(
            &path,
            &[Named {
                score: &score,
                key: &|row| ["a.png", "b.png", "c.png"][row as usize],
                label_names: &names,
                unit: &|unit, row| (unit == Unit::Well && row == 1).then(|| "P1/A01".into()),
            }],
        )
        .unwrap();
        let text = |text: &str| text.to_string();
        let row = Row {
            set: text("Allen"),
            task: text("Task_one"),
            image: text("b.png"),
            truth: text("M0"),
            predicted: text("M3"),
            nearest: Some(text("a.png")),
            similarity: Some(0.25),
            units: [None, Some(text("P1/A01")), None, None],
        };
        assert_eq!((row.unit(Unit::Well), row.unit(Unit::Image)), (Some("P1/A01"), Some("b.png")));
        let second = Row {
            image: text("c.png"),
            truth: text("M3"),
            nearest: None,
            similarity: None,
            units: Default::default(),
            ..row.clone()
        };
        assert_eq!(read_from(File::open(&path).unwrap(), true).unwrap(), [row.clone(), second.clone()]);
        let alone = |row| Row { nearest: None, similarity: None, ..row };
        assert_eq!(read(&path).unwrap(), [row, second].map(alone));
    }

    #[test]
    fn another_file_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.parquet");
        let absent = read(&path).unwrap_err().to_string();
        assert!(absent.contains("p.parquet"), "{absent}");
        std::fs::write(&path, "set,task").unwrap();
        assert!(matches!(read(&path), Err(Error::Read { .. })));
        let schema = Arc::new(parse_message_type("message m { required binary set (UTF8); }").unwrap());
        let file = File::create(&path).unwrap();
        SerializedFileWriter::new(file, schema, Arc::default()).unwrap().close().unwrap();
        let other = read(&path).unwrap_err().to_string();
        assert!(other.contains("expected a column `task`"), "{other}");
    }
}
