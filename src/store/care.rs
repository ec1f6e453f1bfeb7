//! The store's health: is everything there and whole, a copy that is safe to take while others write, room given back.

use super::{Reader, Store, error::Error, files, rows::Removed};
use crate::whole_file;
use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

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

    /// Folders of files beside the store that no work of it knows.
    pub fn orphans(&self) -> Result<Vec<PathBuf>, Error> {
        let folder = files(self.path()).join("work");
        let Ok(entries) = fs::read_dir(&folder) else { return Ok(Vec::new()) };
        let mut found: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
        // Asked afterwards: work is known before it has a folder.
        let known = self.query("SELECT uid FROM work")?.rows;
        let known: BTreeSet<String> = known.into_iter().map(|row| row[0].to_string()).collect();
        found.retain(|path| path.file_name().is_some_and(|name| !known.contains(&*name.to_string_lossy())));
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
    pub fn vacuum(&self) -> Result<Removed, Error> {
        let size = || fs::metadata(&self.path).map_or(0, |found| found.len());
        let mut removed = Removed { bytes: size(), works: Vec::new() };
        self.writer.ask_alone("give back room", |db| {
            db.execute(sqlx::query("VACUUM"))?;
            db.execute(sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")).map(drop)
        })?;
        removed.bytes = removed.bytes.saturating_sub(size());
        for folder in self.read()?.orphans()? {
            removed.bytes += bytes(&folder);
            fs::remove_dir_all(&folder).map_err(|source| Error::Io {
                what: "remove",
                path: folder.clone(),
                source,
            })?;
            removed.works.extend(folder.file_name().map(|name| name.to_string_lossy().into_owned()));
        }
        Ok(removed)
    }
}

fn same(path: &Path, hash: &str) -> bool {
    fs::read(path).is_ok_and(|content| blake3::hash(&content).to_hex().as_str() == hash)
}

/// The length of everything in a folder.
fn bytes(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let one =
        |path: PathBuf| if path.is_dir() { bytes(&path) } else { fs::metadata(path).map_or(0, |m| m.len()) };
    entries.filter_map(Result::ok).map(|entry| one(entry.path())).sum()
}
