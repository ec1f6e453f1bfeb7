//! The sets that a work reads: thinned if the spec requires it, with the mean and standard deviation that
//! normalise them.

use super::Error;
use crate::{
    atomic_file,
    data::{self, Chosen, DataSet, ImageSet, Measured, Statistics, statistics},
    event::Listen,
    spec::{Condition, Selection},
    store::{DataKind, DatasetRow},
};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// Raised when means and standard deviations are computed differently.
const REVISION: u32 = 1;

/// A data set as the store knows it.
pub fn row(data: &DataSet) -> DatasetRow {
    DatasetRow {
        name: data.name.clone(),
        fingerprint: data.fingerprint.clone(),
        kind: match data.kind {
            data::Kind::Real => DataKind::Real,
            data::Kind::Simulated => DataKind::Simulated,
        },
        world: data.world.clone().unwrap_or_default(),
        images: data.sets.iter().map(|set| set.len() as u64).sum(),
        info: serde_json::json!({ "sets": data.sets.iter().map(|set| &set.name).collect::<Vec<_>>() }),
    }
}

pub(super) struct Sets<'a> {
    data: &'a BTreeMap<String, DataSet>,
    cache: PathBuf,
}

/// A set as read by a work.
pub(super) struct Part<'a> {
    whole: &'a ImageSet,
    thinned: Option<ImageSet>,
    fingerprint: &'a str,
    /// Which of its images are meant.
    only: Vec<Condition>,
}

impl Part<'_> {
    pub(super) fn set(&self) -> &ImageSet {
        self.thinned.as_ref().unwrap_or(self.whole)
    }

    /// The images that are asked for.
    pub(super) fn chosen(&self) -> Chosen<'_> {
        self.set().chosen(&self.only)
    }
}

impl<'a> Sets<'a> {
    pub(super) fn new(data: &'a BTreeMap<String, DataSet>, cache: &Path) -> Self {
        Self { data, cache: cache.to_owned() }
    }

    /// The selected sets, with at most `subset` images of each split. Grey levels that have to be measured
    /// are measured over the remaining images, once, and cached.
    pub(super) fn open(
        &self,
        wanted: &Selection,
        subset: Option<usize>,
        listen: &mut dyn Listen,
    ) -> Result<Vec<Part<'a>>, Error> {
        let Some(folder) = self.data.get(&wanted.name) else {
            let name = wanted.name.clone();
            return Err(data::Error::UnknownSet {
                data: name.clone(),
                name,
                there: self.data.keys().cloned().collect(),
            }
            .into());
        };
        let thin = |set: &'a ImageSet| {
            let thinned = subset.and_then(|max| set.subset(max));
            Part { whole: set, thinned, fingerprint: &folder.fingerprint, only: wanted.only.clone() }
        };
        let parts: Vec<Part<'a>> = folder.only(&wanted.sets)?.into_iter().map(thin).collect();
        for part in parts.iter().filter(|part| part.set().needs_measuring()) {
            let path = self.kept(part, subset, "intensity");
            let known = read::<Measured>(&path).is_some_and(|measured| part.set().take_measured(measured));
            if !known {
                let measured = data::measure(part.set(), listen)?;
                keep(&path, &measured)?;
                part.set().take_measured(measured);
            }
        }
        Ok(parts)
    }

    /// Where a value that was measured on a set is cached.
    fn kept(&self, part: &Part<'_>, subset: Option<usize>, what: &str) -> PathBuf {
        let size = subset.map_or(String::new(), |subset| format!("-{subset}"));
        let folder = self.cache.join(&part.fingerprint[..16.min(part.fingerprint.len())]);
        folder.join(format!("{}{size}-{what}.json", part.set().name))
    }

    /// Published constants if there are any; otherwise mean and standard deviation over all of Train, whichever images
    /// are meant, computed once and cached: a feature means the same in every selection of a set.
    pub(super) fn statistics(
        &self,
        part: &Part<'_>,
        subset: Option<usize>,
        listen: &mut dyn Listen,
    ) -> Result<Statistics, Error> {
        let set = part.set();
        if let Some(printed) = &set.printed_statistics {
            return Ok(printed.clone());
        }
        let path = self.kept(part, subset, &format!("statistics-{REVISION}"));
        if let Some(kept) = read::<Statistics>(&path) {
            return Ok(kept);
        }
        let found = statistics(set, &set.train_rows(), listen)?;
        keep(&path, &found)?;
        Ok(found)
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

fn keep(path: &Path, value: &impl Serialize) -> Result<(), Error> {
    let text = serde_json::to_vec(value).expect("numbers and names");
    path.parent()
        .map_or(Ok(()), std::fs::create_dir_all)
        .and_then(|()| atomic_file::write(path, text))
        .map_err(|source| Error::Io { path: path.to_owned(), source })
}
