//! The file of each row, in the folder of its plate, and what is said of those that are not there.

use super::super::super::{
    Problems, find,
    listing::Listing,
    paths,
    text::{many, plain},
};
use std::collections::{BTreeMap, HashMap};

/// Files as they are found.
#[derive(Default)]
pub(super) struct Files {
    /// The row of each path that a row names.
    row_of: HashMap<String, u64>,
    /// By plate: rows, and rows without a file.
    lack: BTreeMap<String, [u64; 2]>,
}

/// Plates that a message lists.
const LISTED: usize = 6;

impl Files {
    /// The key of a row's image, `plate/path`; it is marked in the listing.
    pub(super) fn find(
        &mut self,
        plate: &str,
        path: &str,
        at: u64,
        listing: Option<&mut Listing>,
        problems: &mut Problems,
    ) -> String {
        let asked = format!("{plate}/{path}");
        let (rows, mut key) = (self.lack.entry(plate.to_owned()).or_default(), asked.clone());
        rows[0] += 1;
        if let Some(listing) = listing {
            let tidied = || listing.find(&paths::tidy(&asked, listing.root())?);
            match listing.find(&asked).or_else(tidied) {
                Some(file) => {
                    key = listing.path(file).to_owned();
                    listing.name(file);
                }
                None => {
                    rows[1] += 1;
                    problems.add_hinted(Some(at), || absent(plate, &asked, listing));
                }
            }
        }
        if let Some(first) = self.row_of.get(&key) {
            problems.add(Some(at), Some("each image has one row"), || {
                format!("`{}` is already in row {first}", find::shown(&asked))
            });
        } else {
            self.row_of.insert(key.clone(), at);
        }
        key
    }

    /// How many rows lack a file, and of which plates.
    pub(super) fn summary(&self) -> Option<String> {
        let (rows, lack) = self.lack.values().fold((0, 0), |(rows, lack), [of, no]| (rows + of, lack + no));
        if lack < 2 {
            return None;
        }
        let group = |(plate, [rows, lack]): (&String, &[u64; 2])| match lack {
            0 => None,
            lack if lack == rows => Some(format!("all {} of plate {}", many(*rows, "row"), plain(plate))),
            lack => Some(format!("{lack} of plate {}", plain(plate))),
        };
        let mut groups: Vec<String> = self.lack.iter().filter_map(group).collect();
        let more = groups.len().saturating_sub(LISTED);
        groups.truncate(LISTED);
        groups.extend((more > 0).then(|| format!("and of {more} more")));
        Some(format!("in all, {lack} of {rows} rows lack a file: {}", groups.join(", ")))
    }
}

/// Hint and problem of a file that is not there.
fn absent(plate: &str, asked: &str, listing: &Listing) -> (&'static str, String) {
    const WHERE: &str =
        "the image of a row is the file `paths` in the folder `Metadata_Plate` beside the table";
    let expected = format!("expected an image at `{}`", find::shown(asked));
    if let Some(near) = listing.near(asked) {
        let hint = "write the table as the files are called, or rename the files";
        let what = paths::difference(asked, near);
        return (
            hint,
            format!("{expected}, found none; there is `{}`, which differs in {what}", plain(near)),
        );
    }
    if !listing.root().join(plate).is_dir() {
        return (WHERE, format!("{expected}, found no folder `{}`", plain(plate)));
    }
    let found = paths::instead(&listing.root().join(asked)).unwrap_or("none");
    (WHERE, format!("{expected}, found {found}"))
}
