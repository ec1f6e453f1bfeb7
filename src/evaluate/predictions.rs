//! What was predicted for every image, as a Parquet file that pandas, polars and DuckDB read, there and back.

use super::{Error, TaskScore};
use parquet::basic::Compression;
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::record::{Field, Row as Record};
use parquet::schema::parser::parse_message_type;
use std::{fs::File, path::Path, sync::Arc};

/// One row per image and task. `nearest` and `similarity` are empty where nothing was compared.
const SCHEMA: &str = "message predictions {
  required binary set (UTF8);
  required binary task (UTF8);
  required binary image (UTF8);
  required binary truth (UTF8);
  required binary predicted (UTF8);
  optional binary nearest (UTF8);
  optional float similarity;
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

fn text<'a>(
    group: &mut SerializedRowGroupWriter<'_, File>,
    values: impl Iterator<Item = Option<&'a str>>,
) -> Result<(), ParquetError> {
    let (there, values) = split(values.map(|value| value.map(ByteArray::from)));
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

/// Reads what [`write()`] wrote, in the same order. Columns are found by name; further ones are passed over.
///
/// # Errors
/// [`Error::Read`] with the file and the reason.
pub fn read(path: &Path) -> Result<Vec<Row>, Error> {
    let result = File::open(path).map_err(Into::into).and_then(read_from);
    result.map_err(|source| Error::Read { path: path.into(), source: source.into() })
}

fn read_from(file: File) -> Result<Vec<Row>, ParquetError> {
    let reader = SerializedFileReader::new(file)?;
    let schema = reader.metadata().file_metadata().schema_descr();
    for name in ["set", "task", "image", "truth", "predicted"] {
        if !schema.columns().iter().any(|column| column.name() == name) {
            return Err(ParquetError::General(format!("expected a column `{name}`, found none")));
        }
    }
    reader.get_row_iter(None)?.map(|record| record.and_then(row)).collect()
}

fn row(record: Record) -> Result<Row, ParquetError> {
    let mut row = Row::default();
    for (name, field) in record.into_columns() {
        match (name.as_str(), field) {
            ("set", Field::Str(text)) => row.set = text,
            ("task", Field::Str(text)) => row.task = text,
            ("image", Field::Str(text)) => row.image = text,
            ("truth", Field::Str(text)) => row.truth = text,
            ("predicted", Field::Str(text)) => row.predicted = text,
            ("nearest", Field::Str(text)) => row.nearest = Some(text),
            ("similarity", Field::Float(value)) => row.similarity = Some(value),
            ("nearest" | "similarity", Field::Null) => {}
            (name @ ("set" | "task" | "image" | "truth" | "predicted" | "nearest" | "similarity"), field) => {
                let why = format!("column `{name}`: expected what dichroic writes there, found {field}");
                return Err(ParquetError::General(why));
            }
            _ => {}
        }
    }
    Ok(row)
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
        };
        let second =
            Row { image: text("c.png"), truth: text("M3"), nearest: None, similarity: None, ..row.clone() };
        assert_eq!(read(&path).unwrap(), [row, second]);
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
