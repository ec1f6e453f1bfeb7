//! Data sets that do not describe themselves: what a `dataset.toml` would say of the folder as it was published.
//!
//! A file for each, and its line in the list. Its words are in the language's `data`; a test compares the two lists.

pub mod chammi;
pub mod jump;

use super::{DataSet, Error, Opened, Published as Count, Statistics, describe::Description, sets_in_folders};
use std::path::Path;

/// What is known of a data set that its folder does not say.
#[derive(Debug)]
pub struct Known {
    /// The name that experiments use: `chammi`.
    pub name: &'static str,
    /// The description of a folder, if it is this data set as published.
    pub(super) describe: fn(&Path) -> Option<Description>,
    /// Reads a folder of its form, and its images if they are asked for.
    pub(super) read: fn(&Path, &Description, bool) -> Result<Opened, Error>,
    /// How many images it has, as published.
    pub(super) images: &'static [Images],
    /// Further published numbers next to those found.
    pub(super) counts: fn(&DataSet) -> Vec<Count>,
}

impl Known {
    /// The known data set of that name.
    pub(super) fn called(name: &str) -> Option<&'static Self> {
        KNOWN.iter().find(|known| known.name == name).copied()
    }

    /// The names of all.
    pub(super) fn names() -> Vec<&'static str> {
        KNOWN.iter().map(|known| known.name).collect()
    }
}

/// A published number of images: set, split (empty: all), label (empty: all), images.
pub(super) type Images = (&'static str, &'static str, &'static str, u64);

/// Published mean and standard deviation of each channel, of pixels in [0, 1], over `Train`.
pub(super) type Published = (&'static [f32], &'static [f32]);

/// Every data set that is known by the layout of its folder.
static KNOWN: &[&Known] = &[&chammi::KNOWN, &jump::KNOWN];

/// The known data set that a folder without `dataset.toml` is, and its description.
pub(super) fn described(root: &Path) -> Option<(&'static Known, Description)> {
    KNOWN.iter().find_map(|known| Some((*known, (known.describe)(root)?)))
}

/// The name of the known data set that a folder without `dataset.toml` is.
pub fn name_of(root: &Path) -> Option<&'static str> {
    described(root).map(|(known, _)| known.name)
}

impl From<Published> for Statistics {
    fn from((mean, sd): Published) -> Self {
        Self { mean: mean.to_vec(), sd: sd.to_vec() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec;

    #[test]
    fn the_language_knows_the_same_data_sets() {
        let here: Vec<&str> = KNOWN.iter().map(|known| known.name).collect();
        let words: Vec<&str> = spec::KNOWN.iter().map(|known| known.name).collect();
        assert_eq!(here, words);
        for (known, words) in KNOWN.iter().zip(spec::KNOWN) {
            let strange = known.images.iter().find(|(set, ..)| !words.sets.contains(set));
            assert_eq!(strange, None, "{} has no such set", known.name);
        }
    }
}
