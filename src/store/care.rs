//! Store maintenance: integrity checks, backup while others write, freeing disk space.

use super::{Reader, Status, Store, error::Error, names};
use crate::atomic_file;
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

/// What [`Store::vacuum`] removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Freed {
    /// Bytes freed on disk.
    pub bytes: u64,
    /// Orphaned files and folders.
    pub orphans: Vec<PathBuf>,
}

/// The result of [`Reader::check`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Number of recorded files that were checked.
    pub files: u64,
    /// Their size in bytes.
    pub bytes: u64,
    /// The problems found, one sentence each.
    pub problems: Vec<String>,
}

impl Reader {
    /// Checks the database, and every file that it records: its length and, with `contents`, its hash.
    pub fn check(&self, contents: bool) -> Result<Health, Error> {
        let mut health = Health::default();
        for row in self.query("PRAGMA integrity_check")?.rows {
            let said = row[0].to_string();
            if said != "ok" {
                health.problems.push(format!("the database: {said}"));
            }
        }
        for row in self.query("PRAGMA foreign_key_check")?.rows {
            health.problems.push(format!("table {}: row {} refers to a missing row", row[0], row[1]));
        }
        let sql = "SELECT w.uid, f.path, f.bytes, f.blake3, f.kind FROM artifact f JOIN work w ON w.id = f.work_id ORDER BY f.path";
        for row in self.query(sql)?.rows {
            let (work, noted) = (&row[0], row[1].to_string());
            let (bytes, hash) = (row[2].to_string(), row[3].to_string());
            health.files += 1;
            let path = match self.file(&noted) {
                Ok(path) => path,
                Err(error) => {
                    health.problems.push(format!("work {work}: {error}"));
                    continue;
                }
            };
            let found = match fs::metadata(&path) {
                Ok(found) => found.len(),
                Err(error) => {
                    health.problems.push(format!("{} of work {work}: {error}", path.display()));
                    continue;
                }
            };
            health.bytes += found;
            // A checkpoint may be newer than its record.
            if row[4].to_string() == "checkpoint" {
                continue;
            }
            if found.to_string() != bytes {
                let name = path.display();
                health.problems.push(format!("{name} of work {work}: expected {bytes} bytes, found {found}"));
            } else if contents && !hash.is_empty() && !same(&path, &hash) {
                let name = path.display();
                health
                    .problems
                    .push(format!("{name} of work {work}: its contents have changed since it was written"));
            }
        }
        Ok(health)
    }

    /// Orphans next to the store: folders of unknown work, and unrecorded files of finished work, such as the
    /// checkpoint of a process killed at its very end.
    pub fn orphans(&self) -> Result<Vec<PathBuf>, Error> {
        let mut found = entries(&names::works_folder(self.path()));
        // Queried afterwards: work is registered before it has a folder.
        let known = self.query("SELECT uid, status FROM work")?.rows;
        let known: BTreeMap<String, bool> = known
            .iter()
            .map(|row| (row[0].to_string(), row[1].to_string() == Status::Done.as_str()))
            .collect();
        let noted = self.query("SELECT path FROM artifact")?.rows;
        let noted: BTreeSet<PathBuf> =
            noted.iter().filter_map(|row| self.file(&row[0].to_string()).ok()).collect();
        let done = |folder: &PathBuf| known.get(name(folder).as_ref()) == Some(&true);
        let mut left: Vec<PathBuf> =
            found.iter().filter(|folder| done(folder)).flat_map(|it| entries(it)).collect();
        left.retain(|file| !noted.contains(file));
        found.retain(|folder| !known.contains_key(name(folder).as_ref()));
        found.extend(left);
        found.sort();
        Ok(found)
    }

    /// Copies a snapshot of the database to `to`, and the files that it records next to it.
    ///
    /// # Errors
    /// If `to` exists already, or a file cannot be copied.
    pub fn backup(&self, to: &Path) -> Result<Health, Error> {
        let io = |what: &'static str, path: &Path| {
            let path = path.to_owned();
            move |source| Error::Io { what, path, source }
        };
        if to.exists() {
            let source = io::Error::new(io::ErrorKind::AlreadyExists, "it exists already");
            return Err(Error::Io { what: "write a copy to", path: to.into(), source });
        }
        let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(io("create", folder))?;
        let mut copied = Health::default();
        let part = Part(to.with_extension("part")); // removed again, whatever happens
        let _ = fs::remove_file(&part.0); // left by an interrupted copy
        self.copy(&part.0)?;
        let noted = "SELECT path FROM artifact WHERE kind <> 'checkpoint' ORDER BY path";
        let noted = Self::open(&part.0)?.query(noted)?.rows;
        let pairs = noted.iter().map(|row| {
            let noted = row[0].to_string();
            Ok((names::existing(self.path(), &noted)?, names::file(to, &noted)?))
        });
        // All names are checked before the first file is copied.
        for (from, target) in pairs.collect::<Result<Vec<_>, Error>>()? {
            if let Some(folder) = target.parent() {
                fs::create_dir_all(folder).map_err(io("create", folder))?;
            }
            atomic_file::fill(&target, |part| fs::copy(&from, part).map(drop)).map_err(io("copy", &from))?;
            copied.files += 1;
            copied.bytes += fs::metadata(&target).map_or(0, |found| found.len());
        }
        fs::rename(&part.0, to).map_err(io("rename", &part.0))?;
        Ok(copied)
    }
}

/// A database that is being copied.
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        for ending in ["", "-wal", "-shm", "-journal"] {
            let mut name = self.0.clone().into_os_string();
            name.push(ending);
            let _ = fs::remove_file(name); // none exists after a complete copy
        }
    }
}

impl Store {
    /// Frees the disk space of what was removed: in the database, and folders of unknown work.
    pub fn vacuum(&self) -> Result<Freed, Error> {
        let size = || fs::metadata(&self.path).map_or(0, |found| found.len());
        let before = size();
        self.writer.ask_alone("give back room", |db| {
            db.execute(sqlx::query("VACUUM"))?;
            db.execute(sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")).map(drop)
        })?;
        let mut freed = Freed { bytes: before.saturating_sub(size()), orphans: Vec::new() };
        for orphan in self.read()?.orphans()? {
            freed.bytes += bytes(&orphan);
            let gone = if orphan.is_dir() { fs::remove_dir_all(&orphan) } else { fs::remove_file(&orphan) };
            gone.map_err(|source| Error::Io { what: "remove", path: orphan.clone(), source })?;
            freed.orphans.push(orphan);
        }
        Ok(freed)
    }
}

fn same(path: &Path, hash: &str) -> bool {
    fs::read(path).is_ok_and(|content| blake3::hash(&content).to_hex().as_str() == hash)
}

/// The entries of a folder; none if it is not a folder.
fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path()).collect()
}

fn name(path: &Path) -> Cow<'_, str> {
    path.file_name().unwrap_or_default().to_string_lossy()
}

/// The size of a file, or of everything in a folder.
fn bytes(path: &Path) -> u64 {
    match path.is_dir() {
        true => entries(path).iter().map(|entry| bytes(entry)).sum(),
        false => fs::metadata(path).map_or(0, |found| found.len()),
    }
}
