//! Stored models: weights written by a run, or a self-describing file of weights.

use super::{
    failure::{Failure, Result},
    run_by_prefix,
};
use crate::{
    adapter::{SetChannels, places_of_planes},
    backbone::{built, files},
    data::ImageSet,
    model::{Card, CardSet, Extractor},
    spec::{Adapter, kind::FIT},
    store::{Store, Value as Field},
};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A model with its weights, and the sets that it was trained on.
pub(super) struct SavedModel {
    pub(super) card: Card,
    pub(super) weights: PathBuf,
    /// Those of the other models that are taken as one with it; they differ by their seeds only.
    pub(super) others: Vec<PathBuf>,
    /// Whether the file is a published backbone without a description of ours.
    pub(super) published: bool,
    /// Whether its run averages features over the symmetries of a square.
    pub(super) symmetries: bool,
    /// Whether its run trains it on each image before it embeds it.
    pub(super) trains_on_each: bool,
}

impl SavedModel {
    /// Whether it has parameters for a set, or needs none.
    pub(super) fn reads(&self, set: &ImageSet) -> bool {
        let own = |known: &SetChannels| known.set == set.name && known.channels == set.channels;
        let unseen = self.card.model.adapter.reads_unseen_sets() && self.lacks(set).is_none();
        unseen || self.card.channels().iter().any(own)
    }

    /// What is wrong with a set whose channels are picked by name, or counted: `lacks the channel …`.
    pub(super) fn lacks(&self, set: &ImageSet) -> Option<String> {
        match &self.card.model.adapter {
            Adapter::Planes(word) => places_of_planes(word, &set.channels).err(),
            Adapter::ChannelVit(word) if set.channels.len() > word.channels => Some(format!(
                "has {} channels ({}), and the model's table has {}",
                set.channels.len(),
                set.channels.join(", "),
                word.channels
            )),
            _ => None,
        }
    }
}

/// A file that a run wrote describes its model.
pub(super) fn of_file(file: &Path) -> Result<SavedModel> {
    let not_ours = || {
        let hint = "for a published file, name its backbone: --model convnext_tiny";
        Failure::new(format!("{} does not name its model", file.display())).hint(hint)
    };
    let note = files::note(file)?.ok_or_else(not_ours)?;
    let card: Card = serde_json::from_str(&note).map_err(|_| not_ours())?;
    let wrong = |why: String| {
        let hint = "the note in the file is damaged or was changed: write the file again";
        Failure::new(format!("{}: {why}", file.display())).hint(hint)
    };
    card.check().map_err(wrong)?;
    built(&card.model.backbone)?;
    // Before anything is allocated by what the note says.
    let (named, found) = (
        Extractor::bytes(&card.model, &card.channels()),
        std::fs::metadata(file).map_or(0, |file| file.len()),
    );
    if named.is_none_or(|named| named / 4 > found) {
        let named = named.map_or("more than 2^64".into(), |named| named.to_string());
        return Err(wrong(format!(
            "expected the {named} bytes of the model that its note names, found {found}"
        )));
    }
    Ok(SavedModel {
        card,
        weights: file.to_owned(),
        others: vec![],
        published: false,
        symmetries: false,
        trains_on_each: false,
    })
}

/// The models of a trained file, or of a folder of such files: FixedChannels has one per set.
pub(super) fn of_place(place: &Path) -> Result<Vec<SavedModel>> {
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
    // With two models of one set, the user would have to choose.
    for (at, model) in models.iter().enumerate() {
        let own =
            |set: &CardSet| models[..at].iter().any(|other| other.card.sets.iter().any(|s| s.set == set.set));
        if let Some(set) = model.card.sets.iter().find(|set| own(set)) {
            let message = format!("{} holds more than one model of set `{}`", place.display(), set.set);
            return Err(Failure::new(message).hint("give a single file"));
        }
    }
    Ok(models)
}

/// Whether a spec, or a fit, trains anything; those of schema 1 had an objective each.
fn is_trained(json: &Value) -> bool {
    let any = |list: &Value| list.as_array().is_some_and(|list| !list.is_empty());
    json["training"].is_object() || any(&json["train"]["stages"]) || any(&json["train"]["objective"])
}

/// The models that a run trained, or started from: one, or one per set.
pub(super) fn of_run(path: &Path, run: &str) -> Result<Vec<SavedModel>> {
    let store = Store::open_read_only(path)?;
    let run = run_by_prefix::find(&store, run)?;
    let sql = format!(
        "SELECT s.json, w.json, f.path FROM run r JOIN spec s ON s.id = r.spec_id
        JOIN run_work rw ON rw.run_id = r.id JOIN work w ON w.id = rw.work_id AND w.kind = '{FIT}'
        JOIN artifact f ON f.work_id = w.id AND f.kind = 'weights' WHERE r.uid = ?
          AND NOT EXISTS (SELECT 1 FROM work_parent p JOIN work c ON c.id = p.work_id AND c.kind = '{FIT}'
            JOIN run_work rc ON rc.work_id = c.id AND rc.run_id = r.id WHERE p.parent_id = w.id)
        ORDER BY rw.place"
    );
    let rows = store.query_with(&sql, &[Field::Text(run.clone())])?.rows;
    if rows.is_empty() {
        let hint = "`dichroic runs` shows its progress";
        return Err(Failure::new(format!("run {run} has no weights yet")).hint(hint));
    }
    let parsed = |field: &Field| serde_json::from_str::<Value>(&field.to_string()).unwrap_or_default();
    let mut models: Vec<SavedModel> = vec![];
    for row in &rows {
        let (spec, work) = (parsed(&row[0]), parsed(&row[1]));
        // The untrained floor is stored next to it.
        if is_trained(&work) != is_trained(&spec) || work["model"]["weights"] != spec["model"]["weights"] {
            continue;
        }
        let file = store.file(&row[2].to_string())?;
        if !file.is_file() {
            let hint = "the folder `<store>.d` belongs to the store: put it back next to the store";
            return Err(Failure::new(format!("{}: no such file", file.display())).hint(hint));
        }
        let symmetries = spec["embedding"]["symmetries"] == true;
        let trains_on_each = !spec["embedding"]["test_time"].is_null();
        let saved = SavedModel { symmetries, trains_on_each, ..of_file(&file)? };
        match models.iter_mut().find(|first: &&mut SavedModel| first.card == saved.card) {
            Some(first) => first.others.push(saved.weights),
            None => models.push(saved),
        }
    }
    Ok(models)
}
