//! Lists the files of a set's folder once, so that a table of millions of rows needs no lookup per file.

use super::{Error, contents::Stamp};
use std::{fs, io, path::Path};

/// The files below a folder with what the system says about them, sorted by path. Paths are relative to the data set, with `/`.
pub(super) struct Listing {
    paths: String,
    files: Vec<File>,
}

struct File {
    start: u64,
    length: u32,
    named: bool,
    stamp: Stamp,
}

/// Deeper folders are taken for a cycle of links.
const DEEPEST: usize = 32;

impl Listing {
    /// Lists `root/set` recursively. Names that are not Unicode are skipped: no table can refer to them.
    pub(super) fn of(root: &Path, set: &str) -> Result<Self, Error> {
        let mut listing = Self { paths: String::new(), files: Vec::new() };
        let mut folders = vec![(set.to_owned(), 0)];
        while let Some((folder, depth)) = folders.pop() {
            let at = root.join(&folder);
            let failed = |cause: io::Error| Error::Unreadable { path: at.clone(), cause };
            for entry in fs::read_dir(&at).map_err(failed)? {
                let entry = entry.map_err(failed)?;
                let Ok(name) = entry.file_name().into_string() else { continue };
                // A dangling link is not a file; whether a table needs it shows later.
                let Ok(about) = fs::metadata(entry.path()) else { continue };
                if about.is_dir() && depth < DEEPEST {
                    folders.push((format!("{folder}/{name}"), depth + 1));
                } else if about.is_file() {
                    listing.add(&folder, &name, Stamp::of(&about));
                }
            }
        }
        let Self { paths, files } = &mut listing;
        files.sort_unstable_by(|a, b| text(paths, a).cmp(text(paths, b)));
        Ok(listing)
    }

    fn add(&mut self, folder: &str, name: &str, stamp: Stamp) {
        let start = self.paths.len() as u64;
        for part in [folder, "/", name] {
            self.paths.push_str(part);
        }
        let length = (self.paths.len() as u64 - start) as u32;
        self.files.push(File { start, length, named: false, stamp });
    }

    /// The file at `path`, if it exists.
    pub(super) fn find(&self, path: &str) -> Option<usize> {
        self.files.binary_search_by(|file| text(&self.paths, file).cmp(path)).ok()
    }

    /// Marks the file as named by a table; returns whether it was marked already.
    pub(super) fn name(&mut self, file: usize) -> bool {
        std::mem::replace(&mut self.files[file].named, true)
    }

    /// The marked files, sorted by path.
    pub(super) fn named(&self) -> impl Iterator<Item = (&str, Stamp)> {
        self.files.iter().filter(|file| file.named).map(|file| (text(&self.paths, file), file.stamp))
    }

    /// The images that no table names.
    pub(super) fn unnamed_images(&self) -> impl Iterator<Item = &str> {
        let image = |path: &&str| [".png", ".tif", ".tiff"].iter().any(|end| path.ends_with(end));
        self.files.iter().filter(|file| !file.named).map(|file| text(&self.paths, file)).filter(image)
    }
}

fn text<'a>(paths: &'a str, file: &File) -> &'a str {
    &paths[file.start as usize..][..file.length as usize]
}
