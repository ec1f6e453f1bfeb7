//! Atomic file writes: a temporary file in the same folder, then a rename.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

/// Length and hash of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    /// Length in bytes.
    pub bytes: u64,
    /// BLAKE3, 64 hexadecimal digits.
    pub blake3: String,
}

impl Digest {
    /// Computes them for an existing file, block by block.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let (mut file, mut hasher, mut block) = (File::open(path)?, blake3::Hasher::new(), vec![0; 1 << 20]);
        loop {
            match file.read(&mut block)? {
                0 => return Ok(Self::from(&hasher)),
                read => _ = hasher.update(&block[..read]),
            }
        }
    }
}

impl From<&blake3::Hasher> for Digest {
    fn from(hasher: &blake3::Hasher) -> Self {
        Self { bytes: hasher.count(), blake3: hasher.finalize().to_hex().to_string() }
    }
}

/// A file that is written piece by piece and hashed along the way, too large for memory. It gets its name
/// when it is [finished](Growing::finish); if it is dropped before that, the written part is removed.
pub(crate) struct Growing {
    path: PathBuf,
    part: PathBuf,
    out: BufWriter<File>,
    hasher: blake3::Hasher,
    named: bool,
}

impl Growing {
    /// Begins the file that will have the name `path`.
    ///
    /// # Errors
    /// If no file can be created in its folder.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let part = neighbour(path);
        let out = BufWriter::with_capacity(1 << 20, File::create(&part)?);
        Ok(Self { path: path.to_owned(), part, out, hasher: blake3::Hasher::new(), named: false })
    }

    /// Gives the file its name, after its content is on the disk.
    ///
    /// # Errors
    /// If it cannot be completed or renamed.
    pub(crate) fn finish(mut self) -> io::Result<Digest> {
        self.out.flush()?;
        self.out.get_ref().sync_all()?;
        fs::rename(&self.part, &self.path)?;
        self.named = true;
        Ok(Digest::from(&self.hasher))
    }
}

impl Write for Growing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Drop for Growing {
    fn drop(&mut self) {
        if !self.named {
            // The first error is reported.
            let _ = fs::remove_file(&self.part);
        }
    }
}

/// Removes temporary files of `path` that killed processes left. Only for the sole writer of `path`.
pub(crate) fn forget_parts(path: &Path) -> io::Result<()> {
    let start = format!(".{}.", path.file_name().unwrap_or_default().to_string_lossy());
    for entry in fs::read_dir(path.parent().unwrap_or(Path::new(".")))? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(&start)?.strip_suffix(".part"));
        if number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit())) {
            fs::remove_file(path.with_file_name(name))?;
        }
    }
    Ok(())
}

fn neighbour(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.part", std::process::id()))
}

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
    let part = neighbour(path);
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

    #[test]
    fn a_growing_file_is_hashed_on_the_way_and_has_no_name_before_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("features.f32");
        let mut growing = Growing::create(&path).unwrap();
        for piece in ["one ", "two ", "three"] {
            growing.write_all(piece.as_bytes()).unwrap();
        }
        assert!(!path.exists());
        let digest = growing.finish().unwrap();
        assert_eq!(
            (digest.bytes, &digest.blake3),
            (13, &blake3::hash(b"one two three").to_hex().to_string())
        );
        assert_eq!(Digest::of(&path).unwrap(), digest);

        drop(Growing::create(&path).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "an unfinished file is removed");
        for name in [".features.f32.77.part", ".features.f32.x.part", ".other.f32.77.part"] {
            fs::write(folder.path().join(name), "left").unwrap();
        }
        forget_parts(&path).unwrap();
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            3,
            "only its own temporary files are removed"
        );
    }
}
