//! What the files of a data set contain: a hash of each, in a cache of the user's, so that only new and changed files are
//! read again.
//!
//! The cache is not in the folder of the data, which may be read-only or shared, nor beside the store, which `data check`
//! does without: it is the user's own, `~/.cache/dichroic/contents` (`$XDG_CACHE_HOME`), one file for each folder of data.
//! It may be deleted at any time.

mod cache;
mod hash;
mod many;
mod stamp;

#[cfg(test)]
mod tests;

pub(super) use stamp::Stamp;

use super::Error;
use crate::event::Listen;
use etcetera::BaseStrategy;
use hash::How;
use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

/// BLAKE3.
type Hash = [u8; 32];

/// How much of its files a data set's fingerprint covers, and where their hashes are kept.
#[derive(Clone, Debug)]
pub struct Contents {
    cache: Option<PathBuf>,
    limit: u64,
    in_full: bool,
    clock: fn() -> SystemTime,
}

/// What was found, in the order of the files asked for.
pub(super) struct Covered {
    /// Length and hash of each file.
    pub(super) files: Vec<(u64, Hash)>,
    /// The hashes are of lengths and three pieces of each file.
    pub(super) sampled: bool,
    /// One sentence each.
    pub(super) warnings: Vec<String>,
    /// Number of files that were read.
    #[cfg(test)]
    read: usize,
}

/// A hash that is known, and whether it may be kept.
#[derive(Clone, Copy)]
struct Known {
    stamp: Stamp,
    hash: Hash,
    keep: bool,
}

/// How often hashes are written while others are being computed: what an interruption may cost.
const WRITE: Duration = Duration::from_secs(20);

impl Contents {
    /// Above this number of bytes, files are sampled.
    pub const LIMIT: u64 = 200_000_000_000;

    /// With hashes in the user's cache, if this user has one.
    pub fn of_user() -> Self {
        let caches = etcetera::choose_base_strategy().ok().map(|strategy| strategy.cache_dir());
        Self { cache: caches.map(|caches| caches.join("dichroic").join("contents")), ..Self::not_kept() }
    }

    /// With hashes in this folder.
    pub fn kept_in(cache: &Path) -> Self {
        Self { cache: Some(cache.to_owned()), ..Self::not_kept() }
    }

    /// Every file is read each time.
    pub fn not_kept() -> Self {
        Self { cache: None, limit: Self::LIMIT, in_full: false, clock: SystemTime::now }
    }

    /// Samples above another number of bytes.
    #[must_use]
    pub fn limit(self, bytes: u64) -> Self {
        Self { limit: bytes, ..self }
    }

    /// Reads all of every file, however many bytes there are.
    #[must_use]
    pub fn in_full(self) -> Self {
        Self { in_full: true, ..self }
    }

    /// The hashes of `files` (paths below `root`, with `/`).
    ///
    /// # Errors
    /// If a file cannot be read, or if the listener asks to stop; what was hashed until then is kept.
    pub(super) fn cover(
        &self,
        root: &Path,
        files: &[(&str, Stamp)],
        listen: &mut dyn Listen,
    ) -> Result<Covered, Error> {
        let bytes: u64 = files.iter().map(|(_, stamp)| stamp.length).sum();
        let large = bytes > self.limit;
        let mut kept = Kept::open(self, root, files, How::Full);
        let sampled = large && !self.in_full && kept.known.iter().any(Option::is_none);
        if sampled {
            kept = Kept::open(self, root, files, How::Sampled);
        }
        let missing: Vec<usize> = (0..files.len()).filter(|at| kept.known[*at].is_none()).collect();
        let found =
            if missing.is_empty() { Ok(()) } else { self.read(root, files, &missing, &mut kept, listen) };
        let written = if missing.is_empty() { Ok(()) } else { kept.write(root, files) };
        found?;
        let mut warnings = Vec::new();
        if let (Err(cause), Some(file)) = (written, &kept.file) {
            warnings.push(format!(
                "the hashes of its files could not be kept in {}, so that all are read again next time: {cause}",
                file.display()
            ));
        }
        let known: Vec<Known> = kept.known.into_iter().flatten().collect();
        let now = (self.clock)();
        warnings.extend(ahead(&known, files, now));
        if sampled {
            warnings.push(format!(
                "its fingerprint is sampled, from the length and three pieces of each of {} files ({} GB); \
                 `dichroic data check --contents` reads all of them, and is best run before the first experiment: \
                 runs on a sampled fingerprint are stale afterwards",
                files.len(),
                bytes / 1_000_000_000
            ));
        } else if large && known.iter().any(|known| !known.keep) {
            let why =
                "some of its files changed a moment ago, so that its fingerprint will be sampled next time";
            warnings.push(format!("{why}; `dichroic data check --contents` reads these once more"));
        }
        let files = known.iter().map(|known| (known.stamp.length, known.hash)).collect();
        Ok(Covered {
            files,
            sampled,
            warnings,
            #[cfg(test)]
            read: missing.len(),
        })
    }

    /// Reads the missing files, and writes what is known from time to time.
    fn read(
        &self,
        root: &Path,
        files: &[(&str, Stamp)],
        missing: &[usize],
        kept: &mut Kept,
        listen: &mut dyn Listen,
    ) -> Result<(), Error> {
        let named: Vec<(PathBuf, u64)> =
            missing.iter().map(|at| (root.join(files[*at].0), files[*at].1.length)).collect();
        let mut written = Instant::now();
        many::hash(&named, kept.how, self.clock, listen, |place, hashed| {
            let keep = hashed.stamp.is_settled(hashed.at);
            kept.known[missing[place]] = Some(Known { stamp: hashed.stamp, hash: hashed.hash, keep });
            if written.elapsed() > WRITE {
                // The last attempt reports why it cannot be written.
                let _ = kept.write(root, files);
                written = Instant::now();
            }
        })
    }
}

/// A warning about files whose hashes are not kept because the clock is behind.
fn ahead(known: &[Known], files: &[(&str, Stamp)], now: SystemTime) -> Option<String> {
    let mut ahead = known.iter().zip(files).filter(|(known, _)| known.stamp.is_ahead(now));
    let (_, (first, _)) = ahead.next()?;
    Some(format!(
        "{} files changed in the future by the clock of this machine, so that they are read each time, first {first}",
        1 + ahead.count()
    ))
}

/// What is known of the files of a folder, and where that is kept.
struct Kept {
    file: Option<PathBuf>,
    how: How,
    /// In the order of the files asked for.
    known: Vec<Option<Known>>,
}

impl Kept {
    fn open(contents: &Contents, root: &Path, files: &[(&str, Stamp)], how: How) -> Self {
        let file = contents.cache.as_ref().and_then(|cache| place(cache, root, files, how));
        let bytes = file.as_ref().and_then(|file| fs::read(file).ok()).unwrap_or_default();
        let kept = whole(root).and_then(|root| cache::read(&bytes, &root)).unwrap_or_default();
        let known = |(path, stamp): &(&str, Stamp)| {
            let (_, hash) = kept.get(path).filter(|(then, _)| then == stamp)?;
            Some(Known { stamp: *stamp, hash: *hash, keep: true })
        };
        Self { file, how, known: files.iter().map(known).collect() }
    }

    fn write(&self, root: &Path, files: &[(&str, Stamp)]) -> std::io::Result<()> {
        let (Some(file), Some(root)) = (&self.file, whole(root)) else { return Ok(()) };
        let known =
            self.known.iter().zip(files).filter_map(|(known, (path, _))| Some((*path, known.as_ref()?)));
        let keep = known.filter(|(_, known)| known.keep);
        cache::write(file, &root, keep.map(|(path, known)| (path, &known.stamp, &known.hash)))
    }
}

/// The cache's file for a folder; none if its file systems do not tell changed files.
fn place(cache: &Path, root: &Path, files: &[(&str, Stamp)], how: How) -> Option<PathBuf> {
    let mut folders: Vec<&str> = files.iter().filter_map(|(path, _)| path.split('/').next()).collect();
    folders.dedup();
    if !folders.iter().all(|set| stamp::are_kept(&root.join(set))) {
        return None;
    }
    let name = blake3::hash(whole(root)?.as_os_str().as_encoded_bytes()).to_hex();
    Some(cache.join(format!("{}.{}", &name[..16], how.word())))
}

/// The folder's absolute path, without links.
fn whole(root: &Path) -> Option<PathBuf> {
    fs::canonicalize(root).ok()
}
