//! Where the images are. Load tables name folders of the machine on which they were made (`/home/ubuntu/bucket/…`, `s3://…`):
//! of such a path, the longest end that is there below one of the roots is meant.

use super::super::{Error, contents::Stamp, paths};
use std::{
    collections::HashMap,
    fs,
    path::{Component, Path, PathBuf},
    rc::Rc,
};

/// Folders below which images are looked for, in this order.
pub(super) struct Roots(Vec<PathBuf>);

/// A folder, and its files with what the system says about them.
pub(super) struct Folder {
    pub(super) path: PathBuf,
    pub(super) files: HashMap<String, Stamp>,
}

/// Folders above a table that are looked at: `source_3/workspace/load_data_csv/BATCH/PLATE` is five below the gallery.
const ABOVE: usize = 6;

impl Roots {
    /// The folder of images that was given; else the gallery, and what is above the table.
    pub(super) fn of(images: Option<&Path>, gallery: &Path, table: &Path) -> Self {
        let given = images.map(|images| vec![images.to_owned()]);
        Self(given.unwrap_or_else(|| {
            let above = table.ancestors().skip(1).take(ABOVE).filter(|path| !path.as_os_str().is_empty());
            let mut roots: Vec<PathBuf> = std::iter::once(gallery).chain(above).map(Path::to_owned).collect();
            roots.extend(roots.clone().iter().map(|root| root.join("images")));
            let mut seen = Vec::new();
            roots.retain(|root| {
                root.is_dir() && !seen.contains(root) && {
                    seen.push(root.clone());
                    true
                }
            });
            roots
        }))
    }

    /// The folder that a table means, if it is there.
    ///
    /// # Errors
    /// If it cannot be listed.
    pub(super) fn find(&self, text: &str) -> Result<Option<Rc<Folder>>, Error> {
        // Addresses have `+` for a blank.
        let blanks = text.contains("://").then(|| text.replace('+', " ")).filter(|other| other != text);
        let found = std::iter::once(text.to_owned()).chain(blanks).find_map(|text| self.path(&text));
        found.map(|path| Folder::list(path).map(Rc::new)).transpose()
    }

    fn path(&self, text: &str) -> Option<PathBuf> {
        let slashes = text.replace('\\', "/");
        let (_, bare) = slashes.split_once("://").unwrap_or(("", &slashes));
        let parts: Vec<&str> = bare.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
        if parts.contains(&"..") {
            return None;
        }
        let whole = Path::new(&slashes);
        let here = || (whole.is_absolute() && whole.is_dir()).then(|| whole.to_owned());
        // The end of a path must name something: a folder `Images` is below each plate.
        let naming = |end: &[&str]| end.iter().any(|part| !part.eq_ignore_ascii_case("images"));
        let ends = || (0..parts.len()).map(|start| &parts[start..]).filter(|end| naming(end));
        let below = |root: &PathBuf, end: &[&str]| {
            let path = root.join(end.join("/"));
            path.is_dir().then_some(path)
        };
        let longest = || ends().find_map(|end| self.0.iter().find_map(|root| below(root, end)));
        longest().or_else(|| self.0.iter().find_map(|root| inside(root, &parts))).or_else(here)
    }

    /// The roots, for a message.
    pub(super) fn listed(&self) -> String {
        let names: Vec<String> = self.0.iter().take(3).map(|root| root.display().to_string()).collect();
        names.join(", ")
    }
}

/// A root that is itself within the path: its last part is one of the path's, and the rest of that is below it.
fn inside(root: &Path, parts: &[&str]) -> Option<PathBuf> {
    let absolute = root.canonicalize().ok()?;
    let Some(Component::Normal(last)) = absolute.components().next_back() else { return None };
    let last = last.to_str().filter(|last| !last.eq_ignore_ascii_case("images"))?;
    let at = parts.iter().rposition(|part| *part == last)?;
    let path = root.join(parts[at + 1..].join("/"));
    path.is_dir().then_some(path)
}

impl Folder {
    fn list(path: PathBuf) -> Result<Self, Error> {
        let failed = |cause| Error::Unreadable { path: path.clone(), cause };
        let mut files = HashMap::new();
        for entry in fs::read_dir(&path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let Ok(about) = fs::metadata(entry.path()) else { continue };
            if about.is_file() {
                files.insert(name, Stamp::of(&about));
            }
        }
        Ok(Self { path, files })
    }

    /// A file whose name looks like this one.
    pub(super) fn near(&self, name: &str) -> Option<&str> {
        let wanted = paths::alike(name);
        self.files.keys().map(String::as_str).filter(|found| paths::alike(found) == wanted).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_end_that_is_there_is_meant() {
        let folder = tempfile::tempdir().unwrap();
        let gallery = folder.path().join("cpg0016-jump");
        for path in
            ["source_3/images/CP59/images/BR1__2022-Measurement 1/Images", "source_8/images/J1/images/A11"]
        {
            fs::create_dir_all(gallery.join(path)).unwrap();
        }
        let table = gallery.join("source_3/workspace/load_data_csv/CP59/JCPQC051/load_data.csv");
        let roots = Roots::of(None, &gallery, &table);
        let plate = gallery.join("source_3/images/CP59/images/BR1__2022-Measurement 1/Images");
        for text in [
            "s3://cellpainting-gallery/cpg0016-jump/source_3/images/CP59/images/BR1__2022-Measurement 1/Images/",
            "/home/ubuntu/bucket/projects/JUMP/CP59/images/BR1__2022-Measurement 1/Images",
            "s3://cellpainting-gallery/cpg0016-jump/source_3/images/CP59/images/BR1__2022-Measurement+1/Images",
        ] {
            assert_eq!(
                roots.find(text).unwrap().map(|found| found.path.clone()),
                Some(plate.clone()),
                "{text}"
            );
        }
        for text in ["/elsewhere/BR2/Images", "../source_3", "Images", ""] {
            assert!(roots.find(text).unwrap().is_none(), "{text}");
        }
        // The folder of one plate.
        let one = Roots::of(Some(plate.parent().unwrap()), &gallery, &table);
        let found = one.find("/home/x/BR1__2022-Measurement 1/Images/").unwrap().unwrap();
        assert_eq!(found.path, plate);
    }
}
