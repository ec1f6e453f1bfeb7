//! The store's health: is everything there and whole, a copy that is safe to take while others write, room given back.

use super::{Reader, Status, Store, error::Error, files, works_folder};
use crate::whole_file;
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

/// What [`Store::vacuum`] gave back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Freed {
    /// Bytes on the disk.
    pub bytes: u64,
    /// Files and folders that belonged to nothing.
    pub orphans: Vec<PathBuf>,
}

/// What [`Reader::check`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Files that the store notes and that were looked at.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What is wrong, a sentence each.
    pub problems: Vec<String>,
}

impl Reader {
    /// Looks at the database, and at every file that it notes: its length and, with `contents`, its hash.
    pub fn check(&self, contents: bool) -> Result<Health, Error> {
        let mut health = Health::default();
        for row in self.query("PRAGMA integrity_check")?.rows {
            let said = row[0].to_string();
            if said != "ok" {
                health.problems.push(format!("the database: {said}"));
            }
        }
        for row in self.query("PRAGMA foreign_key_check")?.rows {
            health
                .problems
                .push(format!("table {}: row {} refers to a row that is not there", row[0], row[1]));
        }
        let sql = "SELECT w.uid, f.path, f.bytes, f.blake3, f.kind FROM artifact f JOIN work w ON w.id = f.work_id ORDER BY f.path";
        for row in self.query(sql)?.rows {
            let (work, path) = (&row[0], self.file(&row[1].to_string()));
            let (bytes, hash) = (row[2].to_string(), row[3].to_string());
            health.files += 1;
            let found = match fs::metadata(&path) {
                Ok(found) => found.len(),
                Err(error) => {
                    health.problems.push(format!("{} of work {work}: {error}", path.display()));
                    continue;
                }
            };
            health.bytes += found;
            // A checkpoint may be ahead of what was noted of it.
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
                    .push(format!("{name} of work {work}: its contents are not those that were written"));
            }
        }
        Ok(health)
    }

    /// What lies beside the store and belongs to nothing in it: folders of works that it does not know, and files of
    /// finished works that it has not noted, such as the checkpoint of one that was killed in its last moment.
    pub fn orphans(&self) -> Result<Vec<PathBuf>, Error> {
        let mut found = entries(&works_folder(self.path()));
        // Asked afterwards: work is known before it has a folder.
        let known = self.query("SELECT uid, status FROM work")?.rows;
        let known: BTreeMap<String, bool> = known
            .iter()
            .map(|row| (row[0].to_string(), row[1].to_string() == Status::Done.as_str()))
            .collect();
        let noted = self.query("SELECT path FROM artifact")?.rows;
        let noted: BTreeSet<PathBuf> = noted.iter().map(|row| self.file(&row[0].to_string())).collect();
        let done = |folder: &PathBuf| known.get(name(folder).as_ref()) == Some(&true);
        let mut left: Vec<PathBuf> =
            found.iter().filter(|folder| done(folder)).flat_map(|it| entries(it)).collect();
        left.retain(|file| !noted.contains(file));
        found.retain(|folder| !known.contains_key(name(folder).as_ref()));
        found.extend(left);
        found.sort();
        Ok(found)
    }

    /// Copies the database, as it is at this moment, to `to`, and the files that it notes beside it.
    ///
    /// # Errors
    /// If there is something at `to` already, or a file cannot be copied.
    pub fn backup(&self, to: &Path) -> Result<Health, Error> {
        let io = |what: &'static str, path: &Path| {
            let path = path.to_owned();
            move |source| Error::Io { what, path, source }
        };
        if to.exists() {
            let source = io::Error::new(io::ErrorKind::AlreadyExists, "there is something already");
            return Err(Error::Io { what: "write a copy to", path: to.into(), source });
        }
        let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(io("create", folder))?;
        let (here, there) = (files(self.path()), files(to));
        let mut copied = Health::default();
        let part = to.with_extension("part");
        let _ = fs::remove_file(&part); // of a copy that was broken off
        self.copy(&part)?;
        let noted = "SELECT path FROM artifact WHERE kind <> 'checkpoint' ORDER BY path";
        for row in Self::open(&part)?.query(noted)?.rows {
            let (from, target) = (here.join(row[0].to_string()), there.join(row[0].to_string()));
            if let Some(folder) = target.parent() {
                fs::create_dir_all(folder).map_err(io("create", folder))?;
            }
            whole_file::fill(&target, |part| fs::copy(&from, part).map(drop)).map_err(io("copy", &from))?;
            copied.files += 1;
            copied.bytes += fs::metadata(&target).map_or(0, |found| found.len());
        }
        fs::rename(&part, to).map_err(io("rename", &part))?;
        Ok(copied)
    }
}

impl Store {
    /// Gives back the room of what was removed: in the database, and the folders that no work knows.
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

/// What a folder holds; nothing if it is none.
fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path()).collect()
}

fn name(path: &Path) -> Cow<'_, str> {
    path.file_name().unwrap_or_default().to_string_lossy()
}

/// The length of a file, or of everything in a folder.
fn bytes(path: &Path) -> u64 {
    match path.is_dir() {
        true => entries(path).iter().map(|entry| bytes(entry)).sum(),
        false => fs::metadata(path).map_or(0, |found| found.len()),
    }
}
