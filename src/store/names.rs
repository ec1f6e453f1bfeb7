//! Names in a database that become paths. A database can come from anyone and contain any name, so each is checked before it
//! is joined to a folder: nothing outside of the store's own folders is read, written or removed because of it.

use super::{db::Db, error::Error, files};
use std::path::{Component, Path, PathBuf};

/// Letters of the longest id: a file's name has at most 255 bytes, and ours have 16.
const LONGEST: usize = 100;

/// An id of a run or a work that may be the name of a file or folder.
pub(super) fn id<'a>(what: &'static str, uid: &'a str) -> Result<&'a str, Error> {
    let plain = |letter: u8| letter.is_ascii_alphanumeric() || matches!(letter, b'-' | b'_');
    match !uid.is_empty() && uid.len() <= LONGEST && uid.bytes().all(plain) {
        true => Ok(uid),
        false => {
            Err(Error::Name { what, found: uid.to_owned(), expected: "an id, such as 0123456789abcdef" })
        }
    }
}

/// The folder of a work's files: `<store>.d/work/<WorkId>`.
///
/// # Errors
/// If `work` is no id.
pub(crate) fn work_folder(store: &Path, work: &str) -> Result<PathBuf, Error> {
    Ok(works_folder(store).join(id("work", work)?))
}

/// The folder that contains those.
pub(crate) fn works_folder(store: &Path) -> PathBuf {
    files(store).join("work")
}

/// A file that the store records, relative to `<store>.d`: in a folder below `work` or `data` there.
///
/// # Errors
/// If the path leads out of them.
pub(super) fn file(store: &Path, noted: &str) -> Result<PathBuf, Error> {
    let path = Path::new(noted);
    let parts: Vec<_> = path.components().collect();
    let inside = parts.len() >= 2
        && parts.iter().all(|part| matches!(part, Component::Normal(_)))
        && ["work", "data"].iter().any(|top| parts[0].as_os_str() == *top)
        && !noted.bytes().any(|letter| letter == 0 || letter == b'\\');
    match inside {
        true => Ok(files(store).join(path)),
        false => Err(Error::Name {
            what: "file",
            found: noted.to_owned(),
            expected: "a relative path below `work/` or `data/`",
        }),
    }
}

/// The same file, which exists: a regular file, and no link out of the store's folders.
///
/// # Errors
/// If it is not.
pub(super) fn existing(store: &Path, noted: &str) -> Result<PathBuf, Error> {
    let path = file(store, noted)?;
    let io = |source| Error::Io { what: "read", path: path.clone(), source };
    let (real, folder) = (path.canonicalize().map_err(io)?, files(store).canonicalize().map_err(io)?);
    match real.starts_with(folder) && real.is_file() {
        true => Ok(path),
        false => Err(Error::Name {
            what: "file",
            found: noted.to_owned(),
            expected: "a regular file in the store's own folder, not a link or a device",
        }),
    }
}

/// Checks every name and number of an attached database that this store would take over.
pub(super) fn all(db: &mut Db, store: &Path) -> Result<(), Error> {
    for row in db.all(sqlx::query("SELECT uid, attempt FROM other.work"))? {
        id("work", row.get(0)?)?;
        row.get::<u32>(1)?;
    }
    for row in db.all(sqlx::query("SELECT uid FROM other.run"))? {
        id("run", row.get(0)?)?;
    }
    for row in db.all(sqlx::query("SELECT n FROM other.attempt"))? {
        row.get::<u32>(0)?;
    }
    let files = "SELECT f.path, w.uid FROM other.artifact f JOIN other.work w ON w.id = f.work_id";
    for row in db.all(sqlx::query(files))? {
        let (noted, work): (&str, &str) = (row.get(0)?, row.get(1)?);
        // In the folder of another work it would replace that work's results.
        if !file(store, noted)?.starts_with(work_folder(store, work)?) {
            let expected = "a file in the folder of its own work";
            return Err(Error::Name { what: "file", found: noted.to_owned(), expected });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_ids_become_folders() {
        let store = Path::new("runs/a.db");
        assert_eq!(work_folder(store, "00ff").unwrap(), Path::new("runs/a.db.d/work/00ff"));
        for uid in ["", ".", "..", "../x", "a/b", "/etc", "a\\b", "a b", "é", "a\0", &"a".repeat(101), "C:"]
        {
            assert!(work_folder(store, uid).is_err(), "{uid:?}");
        }
    }

    #[test]
    fn files_are_inside() {
        let store = Path::new("a.db");
        assert_eq!(
            file(store, "work/00ff/weights.safetensors").unwrap(),
            Path::new("a.db.d/work/00ff/weights.safetensors")
        );
        assert!(file(store, "data/00ff/x.json").is_ok());
        for path in [
            "",
            "work",
            "/work/a/b",
            "work/../../b",
            "../a",
            "work/a/../../../b",
            "x/a",
            "./work/a",
            "work\\a",
            "work/a\0",
        ] {
            assert!(file(store, path).is_err(), "{path:?}");
        }
    }
}
