//! The files of works: `<store>.d/work/<WorkId>/weights.safetensors` and so on.

use super::Error;
use crate::{
    atomic_file::{Digest, Growing},
    data::ImageSet,
    spec::id::WorkId,
    store::{self, ArtifactRow},
};
use std::{
    io,
    path::{Path, PathBuf},
};

/// The folder of a work.
pub(super) fn folder(store: &Path, work: &WorkId) -> PathBuf {
    store::works_folder(store).join(work.as_str())
}

/// The folder of values that are cached by a data set's fingerprint: means and deviations.
pub(super) fn cache(store: &Path) -> PathBuf {
    store::files(store).join("data")
}

/// A file of `<store>.d` as recorded in the store: relative to that folder, so that both can be moved and
/// renamed together.
pub(super) fn beside(store: &Path, path: &Path) -> PathBuf {
    path.strip_prefix(store::files(store)).unwrap_or(path).to_owned()
}

/// The store's record of a complete file.
pub(super) fn row(kind: &str, path: &Path, digest: Digest, store: &Path) -> ArtifactRow {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let Digest { bytes, blake3 } = digest;
    ArtifactRow { name, kind: kind.into(), path: beside(store, path), bytes, blake3, step: None }
}

/// Writes what each row of a file of features is: the image, its label, and its splits, `Train` and tasks,
/// joined by `+`. Figures of the features then need no images.
pub(super) fn write_images(path: &Path, set: &ImageSet, rows: &[u32]) -> Result<Digest, Error> {
    let write = || -> io::Result<Digest> {
        let mut writer = csv::Writer::from_writer(Growing::create(path)?);
        writer.write_record(["image", "label", "splits"])?;
        // Queries ascend, so that one position in each task's list is enough.
        let mut asked: Vec<_> =
            set.tasks.iter().map(|task| (&task.name, task.queries.iter().peekable())).collect();
        for &row in rows {
            let mut splits = if set.is_train(row) { vec!["Train"] } else { vec![] };
            for (task, queries) in &mut asked {
                while queries.next_if(|query| **query < row).is_some() {}
                splits.extend(queries.next_if(|query| **query == row).map(|_| task.as_str()));
            }
            let label = &set.labels[usize::from(set.label(row))];
            writer.write_record([set.key(row), label, &splits.join("+")])?;
        }
        writer.into_inner().map_err(|error| io::Error::other(error.to_string()))?.finish()
    };
    write().map_err(|source| Error::Io { path: path.to_owned(), source })
}
