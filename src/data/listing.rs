//! Lists the files of a set's folder once, so that a table of millions of rows needs no lookup per file.

use super::{Error, contents::Stamp, paths};
use std::{
    cell::OnceCell,
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    rc::Rc,
};

/// The files below a folder with what the system says about them, sorted by path. Paths are relative to the data set, with `/`.
pub(super) struct Listing {
    root: PathBuf,
    paths: String,
    files: Vec<File>,
    /// Files by what their paths look like, once asked for.
    near: OnceCell<HashMap<String, usize>>,
}

struct File {
    start: u64,
    length: u32,
    named: bool,
    stamp: Stamp,
}

/// A folder being listed, and those that it is in.
struct Folder {
    path: String,
    id: u128,
    above: Option<Rc<Folder>>,
}

impl Folder {
    /// Whether a folder is this one or one above it: a link leads back.
    fn is_inside(&self, id: u128) -> bool {
        self.id == id || self.above.as_ref().is_some_and(|above| above.is_inside(id))
    }

    fn depth(&self) -> usize {
        self.above.as_ref().map_or(0, |above| above.depth() + 1)
    }
}

/// Deeper folders are not listed.
const DEEPEST: usize = 32;

impl Listing {
    /// Lists `root/set` recursively.
    pub(super) fn of(root: &Path, set: &str) -> Result<Self, Error> {
        Self::of_folders(root, [set])
    }

    /// Lists these folders below `root` recursively, none of which is in another. Names that are not Unicode are skipped: no
    /// table can refer to them. Links that lead back to a folder are not followed.
    pub(super) fn of_folders<'a>(
        root: &Path,
        folders: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, Error> {
        let mut listing =
            Self { root: root.to_owned(), paths: String::new(), files: Vec::new(), near: OnceCell::new() };
        let first = |path: &'a str| {
            let id = fs::metadata(root.join(path)).map_or(0, |about| paths::id(&about));
            Rc::new(Folder { path: path.to_owned(), id, above: None })
        };
        let mut folders: Vec<Rc<Folder>> = folders.into_iter().map(first).collect();
        while let Some(folder) = folders.pop() {
            let at = root.join(&folder.path);
            let failed = |cause: io::Error| Error::Unreadable { path: at.clone(), cause };
            for entry in fs::read_dir(&at).map_err(failed)? {
                let entry = entry.map_err(failed)?;
                let Ok(name) = entry.file_name().into_string() else { continue };
                // A dangling link is not a file; whether a table needs it shows later.
                let Ok(about) = fs::metadata(entry.path()) else { continue };
                if about.is_dir() {
                    let id = paths::id(&about);
                    if folder.depth() < DEEPEST && (id == 0 || !folder.is_inside(id)) {
                        let path = format!("{}/{name}", folder.path);
                        folders.push(Rc::new(Folder { path, id, above: Some(folder.clone()) }));
                    }
                } else if about.is_file() {
                    listing.add(&folder.path, &name, Stamp::of(&about));
                }
            }
        }
        let Self { paths, files, .. } = &mut listing;
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

    /// The data set's folder.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The path of a file.
    pub(super) fn path(&self, file: usize) -> &str {
        text(&self.paths, &self.files[file])
    }

    /// The file at `path`, if it exists.
    pub(super) fn find(&self, path: &str) -> Option<usize> {
        self.files.binary_search_by(|file| text(&self.paths, file).cmp(path)).ok()
    }

    /// The files whose paths begin with `start`, in their order.
    pub(super) fn beginning(&self, start: &str) -> impl Iterator<Item = usize> {
        let first = self.files.partition_point(|file| text(&self.paths, file) < start);
        let begins = move |file: &usize| self.path(*file).starts_with(start);
        (first..self.files.len()).take_while(begins)
    }

    /// A file whose path looks like `path`.
    pub(super) fn near(&self, path: &str) -> Option<&str> {
        let near = self.near.get_or_init(|| {
            let mut near = HashMap::with_capacity(self.files.len());
            for file in 0..self.files.len() {
                near.entry(paths::alike(self.path(file))).or_insert(file);
            }
            near
        });
        near.get(&paths::alike(path)).map(|file| self.path(*file))
    }

    /// Marks the file as named by a table; returns whether it was marked already.
    pub(super) fn name(&mut self, file: usize) -> bool {
        std::mem::replace(&mut self.files[file].named, true)
    }

    /// The marked files, sorted by path.
    pub(super) fn named(&self) -> impl Iterator<Item = (&str, Stamp)> {
        self.files.iter().filter(|file| file.named).map(|file| (text(&self.paths, file), file.stamp))
    }

    /// The images that no table names. Files that systems leave behind are none.
    pub(super) fn unnamed_images(&self) -> impl Iterator<Item = &str> {
        let image = |path: &&str| paths::is_image(path) && !paths::is_left_behind(path);
        self.files.iter().filter(|file| !file.named).map(|file| text(&self.paths, file)).filter(image)
    }
}

fn text<'a>(paths: &'a str, file: &File) -> &'a str {
    &paths[file.start as usize..][..file.length as usize]
}
