//! Models that were kept: what a run left behind, or a file of weights that says itself what it is.

use super::{
    failure::{Failure, Result},
    pick,
};
use crate::{
    adapter::SetChannels,
    backbone::files,
    data::ImageSet,
    model::{Card, CardSet},
    store::{Store, Value as Field},
};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A model with its weights, and the sets that it was trained on.
pub(super) struct Kept {
    pub(super) card: Card,
    pub(super) weights: PathBuf,
    /// Whether the file holds a published backbone and nothing of ours.
    pub(super) published: bool,
}

impl Kept {
    /// Whether it has parameters for a set, or needs none.
    pub(super) fn reads(&self, set: &ImageSet) -> bool {
        let own = |known: &SetChannels| known.set == set.name && known.channels == set.channels;
        self.card.model.adapter.reads_unseen_sets() || self.card.channels().iter().any(own)
    }
}

/// A file that a run left behind says itself what it is.
pub(super) fn of_file(file: &Path) -> Result<Kept> {
    let not_ours = || {
        let hint = "for a published file, say which backbone it belongs to: --model convnext_tiny";
        Failure::new(format!("{} does not say what model it belongs to", file.display())).hint(hint)
    };
    let note = files::note(file)?.ok_or_else(not_ours)?;
    let card = serde_json::from_str(&note).map_err(|_| not_ours())?;
    Ok(Kept { card, weights: file.to_owned(), published: false })
}

/// The models of a file of ours, or of a folder of such files: FixedChannels is one for each set.
pub(super) fn of_place(place: &Path) -> Result<Vec<Kept>> {
    if !place.is_dir() {
        return Ok(vec![of_file(place)?]);
    }
    let io = |error| Failure::new(format!("cannot read the folder {}: {error}", place.display()));
    let entries = std::fs::read_dir(place).map_err(io)?.collect::<std::io::Result<Vec<_>>>().map_err(io)?;
    let mut files: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "safetensors"));
    files.sort();
    if files.is_empty() {
        return Err(Failure::new(format!("there is no `.safetensors` file in {}", place.display())));
    }
    let models = files.iter().map(|file| of_file(file)).collect::<Result<Vec<_>>>()?;
    // Two models of one set would need somebody to choose.
    for (at, model) in models.iter().enumerate() {
        let own =
            |set: &CardSet| models[..at].iter().any(|other| other.card.sets.iter().any(|s| s.set == set.set));
        if let Some(set) = model.card.sets.iter().find(|set| own(set)) {
            let message = format!("{} holds more than one model of set `{}`", place.display(), set.set);
            return Err(Failure::new(message).hint("say one file"));
        }
    }
    Ok(models)
}

/// The models that a run trained, or took as they start: one, or one for each set.
pub(super) fn of_run(path: &Path, run: &str) -> Result<Vec<Kept>> {
    let store = Store::open_read_only(path)?;
    let run = pick::run(&store, run)?;
    let sql = "SELECT s.json, w.json, f.path FROM run r JOIN spec s ON s.id = r.spec_id
        JOIN run_work rw ON rw.run_id = r.id JOIN work w ON w.id = rw.work_id AND w.kind = 'fit'
        JOIN artifact f ON f.work_id = w.id AND f.kind = 'weights' WHERE r.uid = ? ORDER BY rw.place";
    let rows = store.query_with(sql, &[Field::Text(run.clone())])?.rows;
    if rows.is_empty() {
        let hint = "`dichroic runs` shows how far it is";
        return Err(Failure::new(format!("run {run} has left no weights yet")).hint(hint));
    }
    let parsed = |field: &Field| serde_json::from_str::<Value>(&field.to_string()).unwrap_or_default();
    let mut models = vec![];
    for row in &rows {
        let (spec, work) = (parsed(&row[0]), parsed(&row[1]));
        // Beside it stands the untrained floor.
        let trained = work["train"]["objective"] == spec["train"]["objective"];
        if !trained || work["model"]["weights"] != spec["model"]["weights"] {
            continue;
        }
        let file = store.file(&row[2].to_string());
        if !file.is_file() {
            let hint = "the folder `<store>.d` belongs to the store: put it back beside it";
            return Err(Failure::new(format!("{}: there is no such file", file.display())).hint(hint));
        }
        models.push(of_file(&file)?);
    }
    Ok(models)
}
