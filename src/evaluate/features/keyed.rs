//! Features in a Parquet file, as `embed --format parquet` writes them: rows are found by their image's key, in whatever
//! order they are.

use super::{FeatureFile, FeatureRows};
use crate::{evaluate::Error, memory, panic_text, parquet_pages};
use parquet::{
    column::reader::ColumnReader,
    errors::ParquetError,
    file::{
        metadata::RowGroupMetaData,
        reader::{FileReader, RowGroupReader, SerializedFileReader},
    },
};
use std::{collections::HashMap, fs::File, path::Path};

/// The column of keys, and that of features.
const KEY: &str = "file_path";
const FEATURES: [&str; 3] = ["features", "list", "element"];
/// About what the key of a row takes in memory.
const KEY_BYTES: u64 = 64;

/// Features with the rows of a table.
pub struct Keyed {
    file: FeatureFile,
    /// For each row of the table, the row of the file.
    rows: Vec<u32>,
}

impl Keyed {
    /// The features of these images, from a file that may have others too.
    ///
    /// # Errors
    /// As text: it cannot be read, has other columns, has a key twice, or lacks one.
    pub fn open<'k>(path: &Path, keys: impl Iterator<Item = &'k str>) -> Result<Self, String> {
        let mut keys = keys;
        // The parser may panic on a damaged file.
        panic_text::caught(|| Self::read(path, &mut keys))
            .unwrap_or_else(|| Err("expected a Parquet file: it is damaged".into()))
    }

    fn read(path: &Path, keys: &mut dyn Iterator<Item = &str>) -> Result<Self, String> {
        let words = |error: ParquetError| format!("expected a Parquet file: {error}");
        let file = File::open(path).map_err(|error| error.to_string())?;
        let reader = SerializedFileReader::new(file).map_err(words)?;
        let columns = reader.metadata().file_metadata().schema_descr().columns();
        let place = |wanted: &[&str]| columns.iter().position(|column| column.path().parts() == wanted);
        let Some((key, features)) = place(&[KEY]).zip(place(&FEATURES)) else {
            let found: Vec<String> = columns.iter().map(|column| column.path().string()).collect();
            return Err(format!("expected the columns `{KEY}` and `features`, found {}", found.join(", ")));
        };
        let groups = reader.metadata().row_groups();
        let width = groups
            .iter()
            .find(|group| group.num_rows() > 0)
            .map_or(0, |group| group.column(features).num_values() / group.num_rows());
        let width = usize::try_from(width).unwrap_or_default();
        if width == 0 {
            return Err("expected rows of features, found none".into());
        }
        // A few bytes can be many equal rows.
        let bytes =
            |rows: u64| rows.saturating_mul((width as u64).saturating_mul(4).saturating_add(KEY_BYTES));
        let stored = |group: &RowGroupMetaData| group.column(features).uncompressed_size().unsigned_abs();
        let largest = groups.iter().map(|group| stored(group).max(bytes(group.num_rows().unsigned_abs())));
        let largest = largest.max().unwrap_or(0);
        if memory::available().is_some_and(|free| largest > free / 4) {
            return Err(format!("expected row groups that fit into memory, found one of {largest} bytes"));
        }
        let (mut known, mut wrong) = (HashMap::new(), None);
        let file = FeatureFile::scratch(&std::env::temp_dir(), width, |take| {
            for at in 0..reader.num_row_groups() {
                let group =
                    reader.get_row_group(at).and_then(|group| group_of(group.as_ref(), key, features, width));
                match group {
                    Err(error) => {
                        wrong = Some(words(error));
                        break;
                    }
                    Ok((keys, values)) => {
                        for key in keys {
                            let row = known.len() as u32;
                            if let Some(_before) = known.insert(key.clone(), row) {
                                wrong = Some(format!(
                                    "expected each image once, found `{}` twice",
                                    key.escape_debug()
                                ));
                                return Ok(());
                            }
                        }
                        take(&values)?;
                    }
                }
            }
            Ok(())
        });
        let file = file.map_err(|error: Error| error.to_string())?;
        if let Some(wrong) = wrong {
            return Err(wrong);
        }
        let (mut rows, mut missing) = (vec![], vec![]);
        for key in keys {
            match known.get(key) {
                Some(row) => rows.push(*row),
                None => missing.push(key),
            }
        }
        match missing.split_first() {
            Some((first, [])) => {
                Err(format!("expected features of every image, found none of `{}`", first.escape_debug()))
            }
            Some((first, others)) => {
                let (first, more) = (first.escape_debug(), others.len());
                Err(format!("expected features of every image, found none of `{first}` and {more} others"))
            }
            None => Ok(Self { file, rows }),
        }
    }
}

/// The keys and the features of a row group.
fn group_of(
    group: &dyn RowGroupReader,
    key: usize,
    features: usize,
    width: usize,
) -> Result<(Vec<String>, Vec<f32>), ParquetError> {
    let wrong = |what: &str| ParquetError::General(what.into());
    let rows =
        usize::try_from(group.metadata().num_rows()).map_err(|_| wrong("a negative number of rows"))?;
    let ColumnReader::ByteArrayColumnReader(mut reader) = parquet_pages::column(group, key)? else {
        return Err(wrong("expected texts as keys"));
    };
    let (mut texts, mut levels) = (vec![], vec![]);
    parquet_pages::in_portions(rows, |portion| {
        reader.read_records(portion, Some(&mut levels), None, &mut texts)
    })?;
    let keys: Result<Vec<String>, ParquetError> =
        texts.iter().map(|text| Ok(text.as_utf8()?.to_owned())).collect();
    let keys = keys?;
    let ColumnReader::FloatColumnReader(mut reader) = parquet_pages::column(group, features)? else {
        return Err(wrong("expected lists of 32-bit floats as features"));
    };
    let (mut there, mut goes_on, mut values) = (vec![], vec![], vec![]);
    parquet_pages::in_portions(rows, |portion| {
        reader.read_records(portion, Some(&mut there), Some(&mut goes_on), &mut values)
    })?;
    let begins = |(at, level): (usize, &i16)| (*level == 0) == at.is_multiple_of(width);
    let wanted = rows.checked_mul(width);
    let whole = keys.len() == rows && Some(values.len()) == wanted && goes_on.len() == values.len();
    if !whole || !goes_on.iter().enumerate().all(begins) {
        return Err(wrong("expected a key and as many features in every row as in the first"));
    }
    Ok((keys, values))
}

impl FeatureRows for Keyed {
    fn width(&self) -> usize {
        self.file.width()
    }

    fn rows(&self) -> usize {
        self.rows.len()
    }

    fn read(&self, rows: &[u32], out: &mut [f32]) -> Result<(), Error> {
        let rows: Vec<u32> = rows.iter().map(|row| self.rows[*row as usize]).collect();
        self.file.read(&rows, out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parquet_table::{Column, Kind, ParquetTable};

    fn file(path: &Path, rows: &[(&str, &[f32])]) {
        let column = |name, kind| Column { name, kind, optional: false };
        let columns =
            [column("file_path", Kind::Text), column("Label", Kind::Text), column("features", Kind::Floats)];
        let mut table = ParquetTable::new(File::create(path).unwrap(), "features", &columns).unwrap();
        for rows in rows.chunks(2) {
            table
                .group(|group| {
                    group.cells(rows.iter().map(|row| Some(row.0)))?;
                    group.cells(rows.iter().map(|_| Some("a")))?;
                    group.lists(rows.iter().map(|row| row.1.iter().copied()))
                })
                .unwrap();
        }
        table.finish().unwrap();
    }

    #[test]
    fn rows_are_joined_by_key_and_what_does_not_fit_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("features.parquet");
        file(&path, &[("c", &[5.0, 6.0]), ("a", &[1.0, 2.0]), ("x", &[9.0, 9.0]), ("b", &[3.0, 4.0])]);
        let open = |keys: &[&str]| Keyed::open(&path, keys.iter().copied());
        let keyed = open(&["a", "b", "c"]).unwrap();
        let mut found = [0.0; 6];
        keyed.read(&[2, 0, 1], &mut found).unwrap();
        assert_eq!((keyed.rows(), keyed.width(), found), (3, 2, [5.0, 6.0, 1.0, 2.0, 3.0, 4.0]));
        let refused = |keys: &[&str]| open(keys).err().unwrap();
        assert_eq!(
            refused(&["a", "d", "e"]),
            "expected features of every image, found none of `d` and 1 others"
        );
        file(&path, &[("a", &[1.0, 2.0]), ("b", &[3.0, 4.0]), ("a", &[5.0, 6.0])]);
        assert_eq!(refused(&["a"]), "expected each image once, found `a` twice");
        file(&path, &[("a", &[1.0, 2.0]), ("b", &[3.0])]);
        assert!(refused(&["a"]).contains("as many features in every row"), "{}", refused(&["a"]));
        let whole = std::fs::read(&path).unwrap();
        for at in (0..whole.len()).step_by(3) {
            let mut changed = whole.clone();
            changed[at] ^= 0xff;
            std::fs::write(&path, &changed).unwrap();
            let _ = open(&["a"]);
        }
        std::fs::write(&path, "file_path,features").unwrap();
        assert!(refused(&["a"]).contains("expected a Parquet file"));
    }
}
