//! Atomic file writes: a temporary file in the same folder, then a rename.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

/// Lets `write` fill a temporary file next to `path`, then renames it to `path`. Two processes may do so at
/// once; a failure leaves nothing.
///
/// # Errors
/// If the temporary file cannot be written or renamed.
pub(crate) fn fill(path: &Path, write: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    // The content must be on disk before the name is.
    fill_lightly(path, |part| write(part).and_then(|()| File::open(part)?.sync_all()))
}

/// The same for thousands of small files that can be regenerated: without waiting for the disk, so that they
/// are complete after a killed process, but maybe not after a power cut.
///
/// # Errors
/// As [`fill`].
pub(crate) fn fill_lightly(path: &Path, write: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let part = path.with_file_name(format!(".{name}.{}.part", std::process::id()));
    let filled = write(&part).and_then(|()| fs::rename(&part, path));
    if filled.is_err() {
        // The first error is reported.
        let _ = fs::remove_file(&part);
    }
    filled
}

/// The same with bytes in memory.
///
/// # Errors
/// As [`fill`].
pub(crate) fn write(path: &Path, bytes: impl AsRef<[u8]>) -> io::Result<()> {
    fill(path, |part| fs::write(part, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_file_leaves_nothing_and_spares_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scores.csv");
        write(&path, "first").unwrap();
        let failed = fill(&path, |part| {
            fs::write(part, "half")?;
            Err(io::Error::other("full"))
        });
        assert_eq!(failed.unwrap_err().to_string(), "full");
        assert_eq!(fs::read_to_string(&path).unwrap(), "first");
        write(&path, "second").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "second");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
