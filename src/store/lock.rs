//! File locks of work: the owner of a unit of work is the process that holds the operating-system lock on its
//! file. The system releases it when a process dies, so that a dead owner's lease is void at once.

use super::db::now_ms;
use super::error::Error;
use super::names;
use super::provenance::Provenance;
use super::rows::Owner;
use crate::memory::{self, EXHAUSTED};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

/// A lock that this process holds.
pub(super) struct Lock {
    file: File,
    path: PathBuf,
    /// How the previous holder ran out of memory, if that is how it ended.
    pub(super) exhausted: Option<String>,
}

/// The result of trying to lock.
pub(super) enum Locked {
    /// The lock is acquired.
    Ours(Lock),
    /// Another running process holds it.
    Theirs(Owner),
}

impl Lock {
    /// Tries to lock `work` in the store at `store`.
    pub(super) fn try_take(store: &Path, work: &str, who: &Provenance) -> Result<Locked, Error> {
        let folder = folder(store);
        std::fs::create_dir_all(&folder).map_err(io("create", &folder))?;
        let path = folder.join(names::id("work", work)?);
        loop {
            let mut file = open(&path).map_err(io("open", &path))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(Locked::Theirs(owner(&mut file))),
                Err(TryLockError::Error(source)) => return Err(io("lock", &path)(source)),
            }
            // The previous holder may have removed the file between our opening and locking it.
            if same(&file, &path) {
                let mut left = String::new();
                let _ = file.read_to_string(&mut left);
                let exhausted = left.lines().find_map(|line| line.strip_prefix(EXHAUSTED));
                let exhausted = exhausted.map(|how| format!("out of memory: could not allocate{how}"));
                let said = format!("{} {} {} {}\n", std::process::id(), who.caller, now_ms(), who.host.name);
                file.set_len(0)
                    .and_then(|()| file.rewind())
                    .and_then(|()| file.write_all(said.as_bytes()))
                    .map_err(io("write", &path))?;
                return Ok(Locked::Ours(Self { file, path, exhausted }));
            }
        }
    }
}

impl Lock {
    /// From now on, running out of memory is recorded in the lock's file, which the process then leaves
    /// behind.
    pub(super) fn hear_of_memory(&self) {
        memory::tell_exhaustion(&self.file);
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        memory::hush_exhaustion(&self.file);
        // The file is removed before the lock is released, so that no one removes a file that another process
        // has just locked.
        if cfg!(unix) {
            let _ = std::fs::remove_file(&self.path);
        }
        let _ = self.file.unlock();
    }
}

/// The folder of a store's locks.
fn folder(store: &Path) -> PathBuf {
    let mut name = store.file_name().unwrap_or_default().to_os_string();
    name.push(".locks");
    store.with_file_name(name)
}

fn open(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

fn io<'a>(what: &'static str, path: &'a Path) -> impl Fn(std::io::Error) -> Error + 'a {
    move |source| Error::Io { what, path: path.into(), source }
}

/// What the owner wrote into its file; still empty if a process has only just locked it.
fn owner(file: &mut File) -> Owner {
    let mut text = String::new();
    let _ = file.rewind().and_then(|()| file.read_to_string(&mut text));
    let mut words = text.trim_end().splitn(4, ' ');
    let mut process = || words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
    let (pid, caller) = (process(), process());
    let since_ms = words.next().and_then(|word| word.parse().ok()).unwrap_or_else(now_ms);
    Owner { pid, caller, host: words.next().unwrap_or("this computer").to_string(), since_ms }
}

#[cfg(unix)]
fn same(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(ours), Ok(named)) => ours.ino() == named.ino() && ours.dev() == named.dev(),
        _ => false,
    }
}

#[cfg(not(unix))]
fn same(_: &File, _: &Path) -> bool {
    true // files are never removed there
}
