//! What was predicted for every image, as a Parquet file that pandas, polars and DuckDB read, there and back.

use super::{
    Error, TaskScore,
    answered::{Answered, Asked, Shelf, Words},
    units::Unit,
};
use parquet::basic::Compression;
use parquet::column::reader::ColumnReader;
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
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

/// Reads what [`write()`] wrote about `data` (a fingerprint): what was said of each task, in the file's order. Columns are
/// found by name; further ones are passed over, and units need not be there. Questions that stand on the shelf are
/// taken from it, and new ones put there.
///
/// # Errors
/// [`Error::Read`] with the file and the reason.
pub fn read(path: &Path, data: &str, shelf: &Shelf) -> Result<Vec<Answered>, Error> {
    let result = File::open(path).map_err(Into::into).and_then(|file| read_from(file, data, shelf));
    result.map_err(|source| Error::Read { path: path.into(), source })
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn read_from(file: File, data: &str, shelf: &Shelf) -> Result<Vec<Answered>, Failure> {
    let reader = SerializedFileReader::new(file)?;
    let schema = reader.metadata().file_metadata().schema_descr();
    let place = |name: &str| schema.columns().iter().position(|column| column.name() == name);
    let required = |name: &str| {
        place(name).ok_or_else(|| ParquetError::General(format!("expected a column `{name}`, found none")))
    };
    let [set, task, image, truth, predicted] = ["set", "task", "image", "truth", "predicted"].map(required);
    let [set, task, image, truth, predicted] = [set?, task?, image?, truth?, predicted?];
    let units = Unit::KEPT.map(|unit| place(unit.name()));
    // A file of an older program knows less of the same images: it has its questions for itself.
    let shared = units.iter().all(Option::is_some);
    let mut found: Vec<Answered> = vec![];
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group)?;
        let column = |at| Column::read(group.as_ref(), at);
        let (set, task) = (column(set)?, column(task)?);
        let (image, truth, predicted) = (column(image)?, column(truth)?, column(predicted)?);
        let (set, task) = (set.texts()?, task.texts()?);
        let (image, truth, predicted) = (image.texts()?, truth.texts()?, predicted.texts()?);
        let Some(name) = set.first().zip(task.first()) else { continue };
        if set.iter().zip(&task).any(|of_row| of_row != name) {
            return Err("expected one task in each row group, found several".into());
        }
        let name = format!("{}/{}", name.0, name.1);
        if found.iter().any(|one| one.asked.task == name) {
            return Err(format!("expected each task once, found {name} twice").into());
        }
        let known = if shared { shelf.find(data, &name, &image, &truth) } else { None };
        let asked = match known {
            Some(asked) => asked,
            None => {
                let mut of_image = [const { None }; 4];
                for (unit, at) in of_image.iter_mut().zip(units) {
                    *unit = at.map(column).transpose()?.map(|column| column.words()).transpose()?.flatten();
                }
                let asked = Arc::new(Asked::new(&name, &image, &truth, of_image)?);
                if shared {
                    shelf.put(data, asked.clone());
                }
                asked
            }
        };
        found.push(Answered { asked, predicted: predicted.into_iter().collect() });
    }
    Ok(found)
}

/// A column of texts as it stands in a file.
struct Column {
    name: String,
    rows: usize,
    /// The texts that are there.
    values: Vec<ByteArray>,
}

impl Column {
    fn read(group: &dyn RowGroupReader, at: usize) -> Result<Self, ParquetError> {
        let name = group.metadata().column(at).column_descr().name().to_owned();
        let ColumnReader::ByteArrayColumnReader(mut reader) = group.get_column_reader(at)? else {
            return Err(ParquetError::General(format!("column `{name}`: expected text")));
        };
        let (rows, mut values, mut there) = (group.metadata().num_rows() as usize, vec![], vec![]);
        let (read, _, _) = reader.read_records(rows, Some(&mut there), None, &mut values)?;
        if read != rows {
            return Err(ParquetError::General(format!(
                "column `{name}`: expected {rows} rows, found {read}"
            )));
        }
        Ok(Self { name, rows, values })
    }

    /// The text of each row.
    fn texts(&self) -> Result<Vec<&str>, ParquetError> {
        let expected = |what: &str| ParquetError::General(format!("column `{}`: expected {what}", self.name));
        if self.values.len() != self.rows {
            return Err(expected("a text in every row"));
        }
        self.values.iter().map(|value| value.as_utf8().map_err(|_| expected("text in UTF-8"))).collect()
    }

    /// The same by name and number; none if a row has no text.
    fn words(&self) -> Result<Option<Words>, ParquetError> {
        if self.values.len() < self.rows { Ok(None) } else { Ok(Some(self.texts()?.into_iter().collect())) }
    }
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
        let shelf = Shelf::default();
        let found = read(&path, "f1", &shelf).unwrap();
        let [one] = &found[..] else { panic!("{found:?}") };
        assert_eq!(
            (one.asked.task.as_str(), &one.asked.images[..]),
            ("Allen/Task_one", &["b.png", "c.png"].map(String::from)[..])
        );
        let (truth, predicted) = (one.asked.truth.iter(), one.predicted.iter());
        assert_eq!(truth.zip(predicted).collect::<Vec<_>>(), [("M0", "M3"), ("M3", "M3")]);
        assert_eq!(one.asked.units(Unit::Well), None, "one image has no well");
        let again = read(&path, "f1", &shelf).unwrap();
        assert!(Arc::ptr_eq(&again[0].asked, &one.asked), "the same question is kept once");
        let rows = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
        let rows: Vec<String> =
            rows.get_row_iter(None).unwrap().map(|row| row.unwrap().to_string()).collect();
        assert!(
            rows[0].contains(r#"nearest: "a.png", similarity: 0.25, field_of_view: null, well: "P1/A01""#),
            "{rows:?}"
        );
        assert!(rows[1].contains("nearest: null, similarity: null"), "{rows:?}");
    }

    #[test]
    fn another_file_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.parquet");
        let absent = read(&path, "f1", &Shelf::default()).unwrap_err().to_string();
        assert!(absent.contains("p.parquet"), "{absent}");
        std::fs::write(&path, "set,task").unwrap();
        assert!(matches!(read(&path, "f1", &Shelf::default()), Err(Error::Read { .. })));
        let schema = Arc::new(parse_message_type("message m { required binary set (UTF8); }").unwrap());
        let file = File::create(&path).unwrap();
        SerializedFileWriter::new(file, schema, Arc::default()).unwrap().close().unwrap();
        let other = read(&path, "f1", &Shelf::default()).unwrap_err().to_string();
        assert!(other.contains("expected a column `task`"), "{other}");
    }
}
