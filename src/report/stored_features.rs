//! Features that embedding stored, and the images of their rows: files that the store refers to.

use super::measured::rows_with;
use super::{Error, measured::Measured};
use crate::spec::kind::{EMBED, FIT, LAYERS, SCORE};
use crate::store::Reader;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// The features of one set by the model of one run.
pub(super) struct StoredFeatures {
    /// `Allen`.
    pub(super) set: String,
    path: PathBuf,
    /// Numbers per row.
    pub(super) width: usize,
    /// The image of each row.
    pub(super) images: Vec<Image>,
}

/// A set whose features cannot be used.
pub(super) struct Unusable {
    pub(super) set: String,
    /// The reason, in words.
    pub(super) reason: String,
}

/// A row of the features.
#[derive(serde::Deserialize)]
pub(super) struct Image {
    /// Its key in the data set.
    pub(super) image: String,
    pub(super) label: String,
    splits: String,
}

impl Image {
    /// Whether it belongs to `Train`.
    pub(super) fn is_train(&self) -> bool {
        self.splits.split('+').any(|split| split == "Train")
    }

    /// Whether a task queries it.
    pub(super) fn is_asked(&self) -> bool {
        self.splits.split('+').any(|split| !split.is_empty() && split != "Train")
    }
}

/// The features of a run's model on each set of `data`, as they are scored.
pub(super) fn of_run(
    store: &Reader,
    run: &Measured,
    data: &str,
) -> Result<Vec<Result<StoredFeatures, Unusable>>, Error> {
    let scored = format!(
        "EXISTS (SELECT 1 FROM run_work o JOIN work s ON s.id = o.work_id AND s.kind = '{SCORE}'
           JOIN work_parent c ON c.work_id = s.id AND c.parent_id = e.id
         WHERE o.run_id = r.id AND s.json ->> '$.features' = 'model' AND s.json ->> '$.data.name' = e.json ->> '$.data.name')"
    );
    found(store, run, data, &scored)
}

/// The features of a run's trained or adapted model without the classifier on top of it, of what it inspects of `data`.
pub(super) fn of_model_alone(
    store: &Reader,
    run: &Measured,
    data: &str,
) -> Result<Vec<Result<StoredFeatures, Unusable>>, Error> {
    let alone = format!(
        "1 = (SELECT count(*) FROM work_parent c WHERE c.work_id = e.id)
         AND EXISTS (SELECT 1 FROM work_parent c JOIN work p ON p.id = c.parent_id AND p.kind = '{FIT}'
         WHERE c.work_id = e.id AND p.json ->> '$.classifier' IS NULL AND p.json ->> '$.training' IS NOT NULL)"
    );
    found(store, run, data, &alone)
}

/// The file of how alike images of a set are in each layer of a run's model, if the run inspects it.
pub(super) fn layers(
    store: &Reader,
    run: &Measured,
    data: &str,
    set: &str,
) -> Result<Option<PathBuf>, Error> {
    let sql = format!(
        "SELECT f.path FROM run r JOIN run_work rw ON rw.run_id = r.id JOIN work w ON w.id = rw.work_id AND w.kind = '{LAYERS}'
         JOIN artifact f ON f.work_id = w.id AND f.kind = 'layers'
         WHERE r.uid = ? AND w.json ->> '$.data.name' = ? AND f.name = ? ORDER BY f.path"
    );
    let rows = rows_with(store, &sql, &[&run.run, data, &format!("layers-{set}.safetensors")])?;
    let first = rows.iter().next().map(|row| store.file(&row.text("path")));
    Ok(first.transpose()?.filter(|path| path.is_file()))
}

/// The features of `data` that works `e` of a run `r` computed for which a condition of SQL holds.
fn found(
    store: &Reader,
    run: &Measured,
    data: &str,
    which: &str,
) -> Result<Vec<Result<StoredFeatures, Unusable>>, Error> {
    let sql = format!(
        "SELECT DISTINCT f.name, f.path, e.uid, CAST(coalesce(e.json ->> '$.subset', '') AS TEXT) AS subset
        FROM run r JOIN run_work rw ON rw.run_id = r.id JOIN work e ON e.id = rw.work_id AND e.kind = '{EMBED}'
        JOIN artifact f ON f.work_id = e.id AND f.kind = 'features'
        WHERE r.uid = ? AND e.json ->> '$.data.name' = ? AND {which} ORDER BY f.name, f.path"
    );
    let mut found = Vec::new();
    for row in rows_with(store, &sql, &[&run.run, data])?.iter() {
        let name = row.text("name");
        let set = name.strip_prefix("features-").and_then(|name| name.strip_suffix(".f32")).unwrap_or(&name);
        // Any work on the same images of the same data can name the rows; the run's own is preferred.
        let sql = "SELECT DISTINCT f.path, w.uid <> ? AS other FROM artifact f JOIN work w ON w.id = f.work_id
            JOIN run_work rw ON rw.work_id = w.id JOIN run_data t ON t.run_id = rw.run_id JOIN dataset d ON d.id = t.dataset_id
            WHERE f.kind = 'images' AND f.name = ? AND d.name = ? AND w.json ->> '$.data.name' = d.name
              AND CAST(coalesce(w.json ->> '$.subset', '') AS TEXT) = ?
              AND d.id IN (SELECT t.dataset_id FROM run r JOIN run_data t ON t.run_id = r.id WHERE r.uid = ?)
            ORDER BY other, f.path";
        let asked = [&row.text("uid"), &format!("images-{set}.csv"), data, &row.text("subset"), &run.run];
        let images = rows_with(store, sql, &asked)?;
        let images: Result<Vec<_>, _> = images.iter().map(|row| store.file(&row.text("path"))).collect();
        let kept = match images?.iter().find(|path| path.is_file()) {
            Some(images) => open(set, store.file(&row.text("path"))?, images),
            None => Err("an older version stored these features without the images of their rows; any new run on these data \
                stores them too"
                .into()),
        };
        found.push(kept.map_err(|reason| Unusable { set: set.to_owned(), reason }));
    }
    Ok(found)
}

fn open(set: &str, path: PathBuf, images: &Path) -> Result<StoredFeatures, String> {
    let told = |path: &Path, error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let images: Vec<Image> = csv::Reader::from_path(images)
        .and_then(|reader| reader.into_deserialize().collect())
        .map_err(|error| told(images, &error))?;
    let bytes = std::fs::metadata(&path).map_err(|error| told(&path, &error))?.len() as usize;
    let rows = images.len();
    if rows == 0 || bytes == 0 || !bytes.is_multiple_of(4 * rows) {
        return Err(told(&path, &format!("expected {rows} rows of features, found {bytes} bytes")));
    }
    Ok(StoredFeatures { set: set.into(), path, width: bytes / 4 / rows, images })
}

impl StoredFeatures {
    /// The features of the given rows, concatenated.
    ///
    /// # Errors
    /// As text: a file that cannot be read, values that are not finite.
    pub(super) fn features(&self, rows: &[usize]) -> Result<Vec<f32>, String> {
        let told = |error: std::io::Error| format!("{}: {error}", self.path.display());
        let mut file = File::open(&self.path).map_err(told)?;
        let mut bytes = vec![0; 4 * self.width];
        let mut values = Vec::with_capacity(rows.len() * self.width);
        for row in rows {
            file.seek(SeekFrom::Start((row * bytes.len()) as u64)).map_err(told)?;
            file.read_exact(&mut bytes).map_err(told)?;
            values.extend(bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)));
        }
        match values.iter().all(|value| value.is_finite()) {
            true => Ok(values),
            false => Err("the features are not finite: the training diverged".into()),
        }
    }
}
