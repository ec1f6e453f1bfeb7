//! Free disk space.

use std::path::Path;

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
