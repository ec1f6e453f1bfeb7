//! Free disk space, and how fast a disk writes.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
    time::Instant,
};

/// Space on the disk of a folder.
pub(crate) struct Disk {
    /// Bytes available to this user.
    pub(crate) free: u64,
    /// Total bytes.
    pub(crate) total: u64,
}

/// Space on the disk of an existing folder; `None` if the system does not report it.
#[cfg(unix)]
pub(crate) fn free_and_total(folder: &Path) -> Option<Disk> {
    use std::{ffi::CString, mem::MaybeUninit, os::unix::ffi::OsStrExt};
    let path = CString::new(folder.as_os_str().as_bytes()).ok()?;
    let mut found = MaybeUninit::<libc::statvfs>::zeroed();
    // SAFETY: the path ends with a zero byte, and the structure is large enough and may be all zeros.
    let found = unsafe {
        if libc::statvfs(path.as_ptr(), found.as_mut_ptr()) != 0 {
            return None;
        }
        found.assume_init()
    };
    // The widths of these fields differ between systems.
    #[allow(clippy::unnecessary_cast)]
    let (block, free, total) = (found.f_frsize as u64, found.f_bavail as u64, found.f_blocks as u64);
    Some(Disk { free: block * free, total: block * total })
}

#[cfg(not(unix))]
pub(crate) fn free_and_total(_: &Path) -> Option<Disk> {
    None
}

/// Bytes by which the speed is measured.
pub(crate) const PROBE: u64 = 64 << 20;

/// Bytes per second that the disk of a folder writes: one file, until it is on the disk.
///
/// # Errors
/// If nothing can be written there.
pub(crate) fn writing_speed(folder: &Path) -> io::Result<f64> {
    let path = folder.join(format!(".speed.{}.part", std::process::id()));
    // Not zeros: some file systems do not store them.
    let block: Vec<u8> = (0..1u32 << 20).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let write = || -> io::Result<f64> {
        let (mut file, began) = (File::create(&path)?, Instant::now());
        for _ in 0..PROBE / block.len() as u64 {
            file.write_all(&block)?;
        }
        file.sync_all()?;
        Ok(PROBE as f64 / began.elapsed().as_secs_f64())
    };
    let speed = write();
    // The first error is reported.
    let _ = fs::remove_file(&path);
    speed
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_disk_has_no_more_free_than_it_has() {
        let disk = free_and_total(Path::new("/")).unwrap();
        assert!(disk.total > 0 && disk.free <= disk.total);
        assert!(free_and_total(Path::new("/no such folder")).is_none());
    }
}
