//! Finds the load tables of a gallery: one for each plate.

use super::{super::Error as DataError, error::Error};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// A load table, and what its place says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) file: PathBuf,
    /// Source, batch and plate, if it is at `SOURCE/workspace/load_data_csv/BATCH/PLATE`.
    pub(super) place: Option<[String; 3]>,
}

/// Load tables of one plate, the better first: those with functions of light name all that others do.
const NAMES: [&str; 6] = [
    "load_data_with_illum.csv",
    "load_data_with_illum.csv.gz",
    "load_data_with_illum.parquet",
    "load_data.csv",
    "load_data.csv.gz",
    "load_data.parquet",
];

/// Folders in which the gallery has no load tables, but up to millions of files.
const WITHOUT: [&str; 8] =
    ["images", "illum", "analysis", "backend", "profiles", "embeddings", "segmentation", "workspace_dl"];

/// Deeper folders are not searched: a gallery's tables are five below it.
const DEEPEST: usize = 7;

/// The load tables below a folder, or the one that it is.
///
/// # Errors
/// If there are none.
pub(super) fn tables(gallery: &Path) -> Result<Vec<Found>, Error> {
    let at = |file: PathBuf| Found { place: place(&file), file };
    if gallery.is_file() {
        return Ok(vec![at(gallery.to_owned())]);
    }
    if !gallery.is_dir() {
        return Err(Error::refused(
            format!("{}: no such folder or table", gallery.display()),
            "give the folder that holds `source_3`, `source_5`, …, as `aws s3 sync` of cpg0016-jump makes it, or one load table",
        ));
    }
    let mut found = Vec::new();
    let mut folders = vec![(gallery.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let failed = |cause| DataError::Unreadable { path: folder.clone(), cause };
        let mut names = Vec::new();
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let skipped =
                name.starts_with('.') || WITHOUT.iter().any(|other| name.eq_ignore_ascii_case(other));
            if NAMES.contains(&name.as_str()) {
                names.push(name);
            } else if depth < DEEPEST && !skipped && entry.path().is_dir() {
                folders.push((entry.path(), depth + 1));
            }
        }
        let best = NAMES.iter().find(|name| names.iter().any(|found| found == *name));
        found.extend(best.map(|name| at(folder.join(name))));
    }
    if found.is_empty() {
        return Err(Error::refused(
            format!("{}: expected load tables ({}), found none", gallery.display(), NAMES[..4].join(", ")),
            "the gallery has one for each plate, in SOURCE/workspace/load_data_csv/BATCH/PLATE; give the folder above, or the table",
        ));
    }
    found.sort_unstable_by(|a, b| a.file.cmp(&b.file));
    Ok(found)
}

/// What the place of a table says.
fn place(file: &Path) -> Option<[String; 3]> {
    let above: Vec<&str> =
        file.ancestors().skip(1).take(5).map_while(|path| path.file_name()?.to_str()).collect();
    let [plate, batch, "load_data_csv", "workspace", source] = above[..] else { return None };
    Some([source, batch, plate].map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_plate_has_one_table() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        };
        assert!(tables(folder.path()).unwrap_err().to_string().contains("found none"));
        write("source_3/workspace/load_data_csv/CP59/P1/load_data.csv");
        write("source_3/workspace/load_data_csv/CP59/P1/load_data_with_illum.parquet");
        write("source_3/workspace/load_data_csv/CP59/P2/load_data.csv");
        write("source_3/images/CP59/load_data.csv");
        let found = tables(folder.path()).unwrap();
        let ends: Vec<_> =
            found.iter().map(|found| found.file.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(ends, ["load_data_with_illum.parquet", "load_data.csv"]);
        assert_eq!(found[1].place, Some(["source_3", "CP59", "P2"].map(str::to_owned)));
    }
}
