//! The Parquet file with the prediction of every image, readable by pandas, polars and DuckDB: writing and
//! reading.

use super::{
    Error, TaskScore, Truth,
    answered::{Answered, Interned, PredictionCache, TaskImages},
    units::Unit,
};
use crate::{
    atomic_file::{Digest, Growing},
    memory, panic_text,
    parquet_pages::{self, PORTION, in_portions},
    parquet_table::{Group, ParquetTable},
};
use parquet::{
    column::reader::ColumnReader,
    data_type::ByteArray,
    errors::ParquetError,
    file::reader::{FileReader, RowGroupReader, SerializedFileReader},
};
use std::{fs::File, path::Path, sync::Arc};

/// One row per image and task. `nearest`, `similarity` and `tied` (another label is exactly as near) are null if nothing
/// was compared, and the units of an image if the table does not state them.
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
  optional boolean tied;
}";

/// The type of a column of labels, and its type if an image may have several.
const ONE: &str = "binary NAME (UTF8);";
const SEVERAL: &str = "group NAME (LIST) { repeated group list { required binary element (UTF8); } }";

/// A task's score and what is needed to name its images and labels.
#[derive(Clone, Copy)]
pub struct Named<'a> {
    /// The score and its predictions.
    pub score: &'a TaskScore,
    /// The key of an image of the set by its row: its `file_path`.
    pub key: &'a dyn Fn(u32) -> &'a str,
    /// The names of the set's labels.
    pub label_names: &'a [String],
    /// The unit to which the image of a row belongs.
    pub unit: &'a dyn Fn(Unit, u32) -> Option<String>,
}

/// About what a row takes in memory, with the texts of all columns.
const ROW_BYTES: u64 = 512;

/// Writes the predictions of all tasks, one row group each; the bytes depend on nothing else. Tasks without
/// predictions (the prior's) are left out. If an image may have several labels, labels are lists.
///
/// # Errors
/// [`Error::Write`] with the file and the reason.
pub fn write(path: &Path, tasks: &[Named<'_>]) -> Result<Digest, Error> {
    let result = Growing::create(path).map_err(Into::into).and_then(|file| write_to(file, tasks));
    result.map_err(|source| Error::Write { path: path.into(), source: source.into() })
}

fn write_to(file: Growing, tasks: &[Named<'_>]) -> Result<Digest, ParquetError> {
    let tasks = tasks.iter().filter(|task| !task.score.predictions.is_empty());
    let one = |truth: Truth| matches!(truth, Truth::One(_));
    let one_each = tasks.clone().flat_map(|task| &task.score.predictions).all(|found| one(found.truth));
    let several =
        |schema: String, name| schema.replace(&ONE.replace("NAME", name), &SEVERAL.replace("NAME", name));
    let schema = if one_each {
        SCHEMA.into()
    } else {
        ["truth", "predicted"].into_iter().fold(SCHEMA.into(), several)
    };
    let mut table = ParquetTable::of_schema(file, &schema)?;
    for task in tasks {
        let predictions = || task.score.predictions.iter();
        table.group(|group| {
            group.cells(predictions().map(|_| Some(task.score.set.as_str())))?;
            group.cells(predictions().map(|_| Some(task.score.task.as_str())))?;
            group.cells(predictions().map(|found| Some((task.key)(found.row))))?;
            labels(group, task, one_each, predictions().map(|found| found.truth))?;
            labels(group, task, one_each, predictions().map(|found| found.predicted))?;
            group.cells(predictions().map(|found| found.nearest.map(task.key)))?;
            group.cells(predictions().map(|found| found.similarity))?;
            let mut units = Unit::KEPT.into_iter();
            units
                .try_for_each(|unit| group.cells(predictions().map(|found| (task.unit)(unit, found.row))))?;
            group.cells(predictions().map(|found| found.nearest.map(|_| found.tied)))
        })?;
    }
    Ok(table.finish()?.finish()?)
}

fn labels(
    group: &mut Group<'_, Growing>,
    task: &Named<'_>,
    one_each: bool,
    labels: impl Iterator<Item = Truth>,
) -> Result<(), ParquetError> {
    let names = labels.map(|truth| truth.labels().map(|label| task.label_names[usize::from(label)].as_str()));
    if one_each { group.cells(names.map(|mut names| names.next())) } else { group.lists(names) }
}

/// Reads what [`write()`] wrote for `data` (a fingerprint): the predictions of each task, in the file's
/// order. Columns are found by name; unknown ones are ignored, and units may be missing. Questions are shared
/// through `cache`.
///
/// # Errors
/// [`Error::Read`] with the file and the reason.
pub fn read(path: &Path, data: &str, cache: &PredictionCache) -> Result<Vec<Answered>, Error> {
    // The library panics on some damaged files.
    let read = |file| {
        panic_text::caught(|| read_from(file, data, cache)).unwrap_or_else(|| Err("it is damaged".into()))
    };
    let result = File::open(path).map_err(Into::into).and_then(read);
    result.map_err(|source| Error::Read { path: path.into(), source })
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn read_from(file: File, data: &str, cache: &PredictionCache) -> Result<Vec<Answered>, Failure> {
    let reader = SerializedFileReader::new(file)?;
    let schema = reader.metadata().file_metadata().schema_descr();
    let lists =
        |name| schema.columns().iter().any(|column| column.path().parts()[..] == [name, "list", "element"]);
    if lists("truth") {
        return Err("its images have several labels each, and comparisons need exactly one".into());
    }
    let place = |name: &str| schema.columns().iter().position(|column| column.name() == name);
    let required = |name: &str| {
        place(name).ok_or_else(|| ParquetError::General(format!("expected a column `{name}`, found none")))
    };
    let [set, task, image, truth, predicted] = ["set", "task", "image", "truth", "predicted"].map(required);
    let [set, task, image, truth, predicted] = [set?, task?, image?, truth?, predicted?];
    let units = Unit::KEPT.map(|unit| place(unit.name()));
    // A file of an older version records fewer units for the same images, so its questions are not shared.
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
        let known = if shared { cache.find(data, &name, &image, &truth) } else { None };
        let asked = match known {
            Some(asked) => asked,
            None => {
                let mut of_image = [const { None }; 4];
                for (unit, at) in of_image.iter_mut().zip(units) {
                    *unit = at.map(column).transpose()?.map(|column| column.words()).transpose()?.flatten();
                }
                let asked = Arc::new(TaskImages::new(&name, &image, &truth, of_image)?);
                if shared {
                    cache.put(data, asked.clone());
                }
                asked
            }
        };
        found.push(Answered { asked, predicted: predicted.into_iter().collect() });
    }
    Ok(found)
}

/// A column of texts as read from the file.
struct Column {
    name: String,
    rows: usize,
    /// The texts that are not null.
    values: Vec<ByteArray>,
}

impl Column {
    fn read(group: &dyn RowGroupReader, at: usize) -> Result<Self, ParquetError> {
        let name = group.metadata().column(at).column_descr().name().to_owned();
        let ColumnReader::ByteArrayColumnReader(mut reader) = parquet_pages::column(group, at)? else {
            return Err(ParquetError::General(format!("column `{name}`: expected text")));
        };
        let rows = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
        // A few bytes can be many equal rows.
        let fits = || memory::available().is_none_or(|free| rows as u64 <= free / 4 / ROW_BYTES);
        if rows > PORTION && !fits() {
            let wrong = format!("column `{name}`: expected rows that fit into memory, found {rows}");
            return Err(ParquetError::General(wrong));
        }
        let (mut values, mut there) = (vec![], vec![]);
        let read = in_portions(rows, |portion| {
            there.clear();
            reader.read_records(portion, Some(&mut there), None, &mut values)
        })?;
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

    /// The same as distinct names and indices; `None` if a row has no text.
    fn words(&self) -> Result<Option<Interned>, ParquetError> {
        if self.values.len() < self.rows { Ok(None) } else { Ok(Some(self.texts()?.into_iter().collect())) }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::Prediction;
    use super::*;
    use std::collections::BTreeMap;

    fn prediction(row: u32, (truth, predicted): (Truth, Truth), near: Option<(u32, f32)>) -> Prediction {
        let (nearest, similarity) = near.unzip();
        Prediction { row, truth, predicted, nearest, similarity, tied: false }
    }

    fn score(predictions: Vec<Prediction>) -> TaskScore {
        let [data, set, task] = ["d", "Allen", "Task_one"].map(String::from);
        TaskScore { data, set, task, metrics: BTreeMap::new(), per_class: vec![], predictions }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let predictions = vec![
            prediction(1, (Truth::One(0), Truth::One(1)), Some((0, 0.25))),
            prediction(2, (Truth::One(1), Truth::One(1)), None),
        ];
        let score = score(predictions);
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
        let cache = PredictionCache::default();
        let found = read(&path, "f1", &cache).unwrap();
        let [one] = &found[..] else { panic!("{found:?}") };
        assert_eq!(
            (one.asked.task.as_str(), &one.asked.images[..]),
            ("Allen/Task_one", &["b.png", "c.png"].map(String::from)[..])
        );
        let (truth, predicted) = (one.asked.truth.iter(), one.predicted.iter());
        assert_eq!(truth.zip(predicted).collect::<Vec<_>>(), [("M0", "M3"), ("M3", "M3")]);
        assert_eq!(one.asked.units(Unit::Well), None, "one image has no well");
        let again = read(&path, "f1", &cache).unwrap();
        assert!(Arc::ptr_eq(&again[0].asked, &one.asked), "the same question is shared");
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
        let absent = read(&path, "f1", &PredictionCache::default()).unwrap_err().to_string();
        assert!(absent.contains("p.parquet"), "{absent}");
        std::fs::write(&path, "set,task").unwrap();
        assert!(matches!(read(&path, "f1", &PredictionCache::default()), Err(Error::Read { .. })));
        let schema = "message m { required binary set (UTF8); }";
        ParquetTable::of_schema(File::create(&path).unwrap(), schema).unwrap().finish().unwrap();
        let other = read(&path, "f1", &PredictionCache::default()).unwrap_err().to_string();
        assert!(other.contains("expected a column `task`"), "{other}");
    }

    /// A file of two predictions.
    pub(crate) fn written(path: &Path) -> Vec<u8> {
        let found = [0, 1].map(|label| prediction(label, (Truth::One(0), Truth::One(1)), Some((0, 0.25))));
        let score = score(found.into());
        let names: Vec<String> = ["M0", "M3"].map(String::from).into();
        let key = |row: u32| ["a.png", "b.png"][row as usize];
        write(path, &[Named { score: &score, key: &key, label_names: &names, unit: &|_, _| None }]).unwrap();
        std::fs::read(path).unwrap()
    }

    /// Each byte in turn is changed: what is read is right in form, or refused; nothing panics or reserves terabytes.
    #[test]
    fn damaged_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.parquet");
        let whole = written(&path);
        let mut refused = 0;
        for at in 0..whole.len() {
            for change in [0x01, 0x80, 0xff] {
                let mut bytes = whole.clone();
                bytes[at] ^= change;
                std::fs::write(&path, bytes).unwrap();
                refused += usize::from(read(&path, "f1", &PredictionCache::default()).is_err());
            }
        }
        assert!(refused > whole.len() / 2, "{refused} of {}", 3 * whole.len());
    }

    #[test]
    fn several_labels_are_lists_that_no_comparison_takes() {
        let truths = [(0b101, 0b001), (0, 0b110), (0b010, 0)];
        let predictions = truths.iter().zip(0..).map(|((truth, predicted), row)| {
            prediction(row, (Truth::Many(*truth), Truth::Many(*predicted)), None)
        });
        let score = score(predictions.collect());
        let names: Vec<String> = ["er", "golgi", "nuclei"].map(String::from).into();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.parquet");
        let key = |row: u32| ["a.png", "b.png", "c.png"][row as usize];
        let named = Named { score: &score, key: &key, label_names: &names, unit: &|_, _| None };
        let digest = write(&path, &[named]).unwrap();
        assert_eq!(digest, Digest::of(&path).unwrap());
        let rows = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
        let rows: Vec<String> =
            rows.get_row_iter(None).unwrap().map(|row| row.unwrap().to_string()).collect();
        for (row, expected) in rows.iter().zip([
            r#"truth: ["er", "nuclei"], predicted: ["er"]"#,
            r#"truth: [], predicted: ["golgi", "nuclei"]"#,
            r#"truth: ["golgi"], predicted: []"#,
        ]) {
            assert!(row.contains(expected), "{row}");
        }
        let refused = read(&path, "f1", &PredictionCache::default()).unwrap_err().to_string();
        assert!(refused.contains("several labels"), "{refused}");
    }
}
