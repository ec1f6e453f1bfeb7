//! The sets that a work reads: thinned where the spec says so, with the mean and deviation that normalise them.

use super::Error;
use crate::{
    data::{self, DataSet, ImageSet, Statistics, statistics},
    event::Listen,
    spec::DataRef,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// Raised when means and deviations are computed differently.
const REVISION: u32 = 1;

pub(super) struct Sets<'a> {
    data: &'a BTreeMap<String, DataSet>,
    cache: PathBuf,
}

/// A set as a work sees it.
pub(super) struct Part<'a> {
    whole: &'a ImageSet,
    thinned: Option<ImageSet>,
    fingerprint: &'a str,
}

impl Part<'_> {
    pub(super) fn set(&self) -> &ImageSet {
        self.thinned.as_ref().unwrap_or(self.whole)
    }
}

#[derive(Serialize, Deserialize)]
struct Kept {
    mean: Vec<f32>,
    sd: Vec<f32>,
}

impl<'a> Sets<'a> {
    pub(super) fn new(data: &'a BTreeMap<String, DataSet>, cache: &Path) -> Self {
        Self { data, cache: cache.to_owned() }
    }

    /// The sets meant, with at most `subset` images of each split.
    pub(super) fn open(&self, wanted: &DataRef, subset: Option<usize>) -> Result<Vec<Part<'a>>, Error> {
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
            Part { whole: set, thinned, fingerprint: &folder.fingerprint }
        };
        Ok(folder.only(&wanted.sets)?.into_iter().map(thin).collect())
    }

    /// Printed constants where there are some; else mean and deviation over Train, computed once and kept.
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
        let size = subset.map_or(String::new(), |subset| format!("-{subset}"));
        let folder = self.cache.join(&part.fingerprint[..16.min(part.fingerprint.len())]);
        let path = folder.join(format!("{}{size}-statistics-{REVISION}.json", set.name));
        if let Some(kept) =
            std::fs::read(&path).ok().and_then(|text| serde_json::from_slice::<Kept>(&text).ok())
        {
            return Ok(Statistics { mean: kept.mean, sd: kept.sd });
        }
        let found = statistics(set, &set.train_rows(), listen)?;
        let kept = Kept { mean: found.mean.clone(), sd: found.sd.clone() };
        let io = |source| Error::Io { path: path.clone(), source };
        let text = serde_json::to_vec(&kept).expect("numbers");
        let part = path.with_extension(format!("part-{}", std::process::id()));
        std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&part, text)).map_err(io)?;
        std::fs::rename(&part, &path).map_err(io)?;
        Ok(found)
    }
}
