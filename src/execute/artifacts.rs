//! Files that works leave behind: `<store>.d/work/<WorkId>/weights.safetensors` and so on.

use super::Error;
use crate::{
    atomic_file,
    backbone::files,
    data::ImageSet,
    spec::id::WorkId,
    store::{self, ArtifactRow},
};
use std::path::{Path, PathBuf};

/// The folder of a work.
pub(super) fn folder(store: &Path, work: &WorkId) -> PathBuf {
    store::work_folder(store, work.as_str())
}

/// The folder of what is kept with the fingerprint of a data set: means and deviations.
pub(super) fn cache(store: &Path) -> PathBuf {
    store::files(store).join("data")
}

/// A file of `<store>.d` as the store names it: seen from that folder, so that the two can move and be renamed together.
pub(super) fn beside(store: &Path, path: &Path) -> PathBuf {
    path.strip_prefix(store::files(store)).unwrap_or(path).to_owned()
}

/// What the store notes about a complete file.
pub(super) fn row(kind: &str, path: &Path, store: &Path) -> Result<ArtifactRow, Error> {
    let io = |source| Error::Io { path: path.to_owned(), source };
    let content = std::fs::read(path).map_err(io)?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(ArtifactRow {
        name,
        kind: kind.into(),
        path: beside(store, path),
        bytes: content.len() as u64,
        blake3: blake3::hash(&content).to_hex().to_string(),
        step: None,
    })
}

/// Writes 32-bit floats as they are.
pub(super) fn write_floats(path: &Path, values: &[f32]) -> Result<(), Error> {
    atomic_file::write(path, files::bytes(values))
        .map_err(|source| Error::Io { path: path.to_owned(), source })
}

/// Writes what the rows of a file of features are: the image, its label, and the splits that it belongs to, `Train` and
/// tasks, joined by `+`. A picture of the features needs no images then.
pub(super) fn write_images(path: &Path, set: &ImageSet) -> Result<(), Error> {
    let mut splits = vec![String::new(); set.len()];
    let mut join = |row: u32, split: &str| {
        let splits = &mut splits[row as usize];
        *splits = if splits.is_empty() { split.to_owned() } else { format!("{splits}+{split}") };
    };
    set.train_rows().into_iter().for_each(|row| join(row, "Train"));
    for task in &set.tasks {
        task.queries.iter().for_each(|row| join(*row, &task.name));
    }
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut write = |fields: [&str; 3]| writer.write_record(fields).expect("memory takes any record");
    write(["image", "label", "splits"]);
    for (row, splits) in (0..set.len() as u32).zip(&splits) {
        write([set.key(row), &set.labels[usize::from(set.label(row))], splits]);
    }
    let text = writer.into_inner().expect("memory can always be flushed");
    atomic_file::write(path, text).map_err(|source| Error::Io { path: path.to_owned(), source })
}

/// Reads what [`write_floats`] wrote.
pub(super) fn read_floats(path: &Path, expected: usize) -> Result<Vec<f32>, Error> {
    let bytes = std::fs::read(path).map_err(|source| Error::Io { path: path.to_owned(), source })?;
    let (values, rest) = bytes.as_chunks::<4>();
    if values.len() != expected || !rest.is_empty() {
        return Err(Error::Damaged { path: path.to_owned(), expected, found: values.len() });
    }
    Ok(values.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}
