//! The sets that a work reads: thinned if the spec requires it, with the mean and standard deviation that
//! normalise them.

use super::{
    Error,
    kept::{io_error, kept, kept_json, read_json, write_json},
};
use crate::{
    atomic_file::Growing,
    data::{self, Chosen, DataSet, ImageSet, Statistics, statistics},
    evaluate::{
        self, FeatureFile, FeatureRows,
        classify::Head,
        features,
        handmade::{self, Greys},
    },
    event::Listen,
    spec::{Condition, Selection},
    store::{DataKind, DatasetRow},
};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    io,
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
            let path = self.kept(part, subset, "intensity.json");
            let take = |path: &Path| match part.set().take_measured(read_json(path)?) {
                true => Ok(()),
                false => Err(io_error(path)(io::ErrorKind::InvalidData.into())),
            };
            let measure =
                |path: &Path, listen: &mut dyn Listen| write_json(path, &data::measure(part.set(), listen)?);
            kept(&path, take, measure, listen)?;
        }
        Ok(parts)
    }

    /// Where a value that was measured on a set is kept.
    fn kept(&self, part: &Part<'_>, subset: Option<usize>, what: &str) -> PathBuf {
        let size = subset.map_or(String::new(), |subset| format!("-{subset}"));
        self.folder(part).join(format!("{}{size}-{what}", part.set().name))
    }

    /// The folder of what is computed from a data set alone.
    fn folder(&self, part: &Part<'_>) -> PathBuf {
        self.cache.join(&part.fingerprint[..16.min(part.fingerprint.len())])
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
        let path = self.kept(part, subset, &format!("statistics-{REVISION}.json"));
        kept_json(&path, |listen| Ok(statistics(set, &set.train_rows(), listen)?), listen)
    }

    /// Hand-made features of every image of a set, as they are: not yet on a common scale.
    pub(super) fn hand_made(
        &self,
        part: &Part<'_>,
        subset: Option<usize>,
        greys: Greys,
        listen: &mut dyn Listen,
    ) -> Result<FeatureFile, Error> {
        let set = part.set();
        let open = |path: &Path| {
            let features = FeatureFile::plain(path, set.len())?;
            match features.width() == handmade::width(set.channels.len()) {
                true => Ok(features),
                false => Err(io_error(path)(io::ErrorKind::InvalidData.into())),
            }
        };
        let measure = |path: &Path, listen: &mut dyn Listen| {
            let mut out = Growing::create(path).map_err(io_error(path))?;
            handmade::of_set(set, greys, listen, &mut |values| {
                features::write(&mut out, values)
                    .map_err(|source| evaluate::Error::Features { path: path.into(), source })
            })?;
            out.finish().map(drop).map_err(io_error(path))
        };
        kept(&self.hand_made_file(part, subset, greys), open, measure, listen)
    }

    /// Where they are kept.
    pub(super) fn hand_made_file(&self, part: &Part<'_>, subset: Option<usize>, greys: Greys) -> PathBuf {
        self.kept(part, subset, &format!("{}-{}.f32", greys.name(), evaluate::REVISION))
    }

    /// A classifier that was fitted on images of a source; `of` is everything that it depends on besides the data.
    pub(super) fn classifier(
        &self,
        source: &[Part<'_>],
        of: &impl Serialize,
        fit: impl FnOnce(&mut dyn Listen) -> Result<Head, Error>,
        listen: &mut dyn Listen,
    ) -> Result<Head, Error> {
        let Some(part) = source.first() else { return fit(listen) };
        let of = serde_json::to_vec(of).expect("plain data");
        let name = format!("classifier-{}.json", &blake3::hash(&of).to_hex()[..16]);
        kept_json(&self.folder(part).join(name), fit, listen)
    }
}
