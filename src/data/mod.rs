//! Data sets: images on disk, their metadata tables, and the path from stored pixels to what a network sees. The
//! channels of an image are stored side by side in one file (a tape), one per file, or one per page of a stack; in memory
//! every image is a tape.
//!
//! A data set is a folder of *sets* that differ in channels; a set is a folder with `enriched_meta.csv` and images.
//! Nothing here knows models. Tables are read once and stored compactly; pixels are read on demand.

mod check;
mod columns;
mod contents;
mod describe;
mod dialect;
mod error;
mod find;
mod fingerprint;
pub mod hold_out;
mod image;
mod intensity;
pub mod known;
mod labels;
mod layout;
mod listing;
mod measure;
mod metadata;
pub mod norm;
mod paths;
mod pattern;
pub mod prepare;
mod read;
mod roles;
mod select;
mod set;
mod statistics;
mod subset;
mod table;
mod text;
mod transform;
mod unanswerable;
pub mod vocabulary;

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;

pub use check::{Count, Published, Report, check, info};
pub use contents::Contents;
pub use describe::Kind;
pub use error::{Error, Problem, Problems};
pub use hold_out::{SEED as HOLD_OUT_SEED, hold_out};
pub use image::{Disguise, Fault, Pixels, Tape};
pub use intensity::{Measured, Range};
pub use measure::measure;
pub use metadata::Metadata;
pub use norm::Norm;
pub use roles::Role;
pub use select::Chosen;
pub use set::{Column, ImageSet, LeaveOut, Task};
pub use statistics::{Statistics, statistics};
pub use transform::{
    CropBox, Displacements, Draw, REVISION as TRANSFORM_REVISION, ViewPlan, Window, central_view, draw,
    drawn_view, eval_view, native_view, window_view,
};

use crate::event::Listen;
use describe::Description;
use fingerprint::Part;
use known::Known;
use listing::Listing;
use std::path::{Path, PathBuf};

/// What was read of a folder.
#[derive(Default)]
struct Opened {
    sets: Vec<ImageSet>,
    /// What the fingerprint covers; nothing if images were not looked for.
    parts: Vec<Part>,
    warnings: Vec<String>,
}

/// Reads sets of which each is a folder with a table.
fn sets_in_folders(root: &Path, description: &Description, images: bool) -> Result<Opened, Error> {
    let Opened { mut sets, mut parts, mut warnings } = Opened::default();
    for set in &description.sets {
        let folder = root.join(&set.name);
        if !folder.is_dir() {
            warnings.push(format!("set `{}` is skipped: there is no folder {}", set.name, folder.display()));
            continue;
        }
        let mut listing = if images { Some(Listing::of(root, &set.name)?) } else { None };
        let read = table::read(root, set, listing.as_mut())?;
        let part = |listing| Part { name: set.name.clone(), table: read.digest, listing };
        parts.extend(listing.map(part));
        warnings.extend(read.warnings);
        warnings.extend(unanswerable::remarks(&read.set));
        sets.push(read.set);
    }
    Ok(Opened { sets, parts, warnings })
}

/// A folder of sets.
#[derive(Debug)]
pub struct DataSet {
    /// Its name in experiments: that of a known data set, as `chammi`, or of your own folder.
    pub name: String,
    /// Its path.
    pub root: PathBuf,
    /// Whether the pixels are of real cells or simulated.
    pub kind: Kind,
    /// The simulated world: which draw of the simulator's parameters; none for real data.
    pub world: Option<String>,
    /// 64 hexadecimal digits: BLAKE3 of description, tables, and path, length and contents of every image; followed by
    /// `-sampled` where lengths and three pieces of each file stand for their contents. Empty if files were not read.
    pub fingerprint: String,
    /// The existing sets, in the order of the description.
    pub sets: Vec<ImageSet>,
    /// Warnings, one sentence each.
    pub warnings: Vec<String>,
    /// The known data set that the folder is as published, if it is one.
    known: Option<&'static Known>,
}

impl DataSet {
    /// Opens the folder `root` under the name `name`: reads its `dataset.toml` (without one it must be a known data set
    /// as published), reads every table, looks up every image by listing the folders once, and reads those images whose
    /// contents are not known yet.
    ///
    /// # Errors
    /// Any problem with description, tables or files, up to ten problems of a table together; or if the listener asks to
    /// stop.
    pub fn open(
        name: &str,
        root: &Path,
        contents: &Contents,
        listen: &mut dyn Listen,
    ) -> Result<Self, Error> {
        Self::open_described(name, root, None, contents, listen)
    }

    /// The same by another description than the folder's own: a `dataset.toml` anywhere.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_described(
        name: &str,
        root: &Path,
        description: Option<&Path>,
        contents: &Contents,
        listen: &mut dyn Listen,
    ) -> Result<Self, Error> {
        let (mut opened, description, parts) = Self::read(name, root, description, true)?;
        let (print, warnings) = fingerprint::of(root, &description, &parts, contents, listen)?;
        opened.fingerprint = print;
        opened.warnings.extend(warnings.into_iter().map(|warning| format!("`{name}`: {warning}")));
        Ok(opened)
    }

    /// The same without fingerprint, and so without reading images. Runs cannot be planned on it.
    ///
    /// # Errors
    /// Any problem with description, tables or files.
    pub fn open_without_fingerprint(name: &str, root: &Path) -> Result<Self, Error> {
        Self::read(name, root, None, true).map(|(opened, ..)| opened)
    }

    /// The same without looking for images, for features that are already computed. Its images cannot be read.
    ///
    /// # Errors
    /// Any problem with description or tables.
    pub fn open_tables(name: &str, root: &Path) -> Result<Self, Error> {
        Self::read(name, root, None, false).map(|(opened, ..)| opened)
    }

    fn read(
        name: &str,
        root: &Path,
        description: Option<&Path>,
        images: bool,
    ) -> Result<(Self, Description, Vec<Part>), Error> {
        let described = description.is_some();
        let description = Description::of(root, description)?;
        let mut warnings = Vec::new();
        if let Some(own) = description.name.as_ref().filter(|own| *own != name && !described) {
            warnings.push(format!("{} calls itself `{own}` and is used as `{name}`", root.display()));
        }
        let Opened { sets, parts, warnings: more } = match description.form {
            Some(form) => (form.read)(root, &description, images)?,
            None => sets_in_folders(root, &description, images)?,
        };
        warnings.extend(more);
        if sets.is_empty() {
            let names = description.sets.iter().map(|set| set.name.clone()).collect();
            return Err(Error::NoSets { root: root.to_owned(), names });
        }
        let warnings = warnings.iter().map(|warning| text::plain(warning).into_owned()).collect();
        let opened = Self {
            name: name.to_owned(),
            root: root.to_owned(),
            kind: description.kind,
            world: description.world.clone(),
            fingerprint: String::new(),
            sets,
            warnings,
            known: description.known,
        };
        Ok((opened, description, parts))
    }

    /// Measures percentile ranges of grey levels in every set whose rule needs them; images can be read after
    /// that.
    ///
    /// # Errors
    /// If an image cannot be used, or if the listener asks to stop.
    pub fn measure(&self, listen: &mut dyn Listen) -> Result<(), Error> {
        for set in self.sets.iter().filter(|set| set.needs_measuring()) {
            set.take_measured(measure(set, listen)?);
        }
        Ok(())
    }

    /// The set called `name`, if it exists.
    pub fn set(&self, name: &str) -> Option<&ImageSet> {
        self.sets.iter().find(|set| set.name == name)
    }

    /// The sets with these names, in this order; all of them if `names` is empty.
    ///
    /// # Errors
    /// If one of them does not exist; the error lists those that do.
    pub fn only(&self, names: &[String]) -> Result<Vec<&ImageSet>, Error> {
        if names.is_empty() {
            return Ok(self.sets.iter().collect());
        }
        let find = |name: &String| {
            self.set(name).ok_or_else(|| Error::UnknownSet {
                data: self.name.clone(),
                name: name.clone(),
                there: self.sets.iter().map(|set| set.name.clone()).collect(),
            })
        };
        names.iter().map(find).collect()
    }
}
