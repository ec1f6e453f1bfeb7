//! What a file system says about a file without reading it: enough to know that its contents are those of before.

use std::{
    fs::Metadata,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Length, inode and time of change of a file. The system sets the time of change (ctime) whenever contents or
/// attributes change, and no program can set it back, unlike the time of modification (`touch -d`, `cp -a`).
///
/// The number of the device is not part of it: the nodes of a cluster give different numbers to one share, and would
/// each read again what another has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Stamp {
    /// Bytes.
    pub(in super::super) length: u64,
    pub(super) inode: u64,
    /// Nanoseconds since 1970.
    pub(super) changed: i64,
}

/// A file that changed later than this before it was read may change once more without a new time of change: file systems
/// count in steps of up to two seconds, and the clock of a file server may differ from ours by a few.
const SETTLED: Duration = Duration::from_secs(10);

impl Stamp {
    #[cfg(unix)]
    pub(in super::super) fn of(about: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        let changed = about.ctime().saturating_mul(1_000_000_000).saturating_add(about.ctime_nsec());
        Self { length: about.len(), inode: about.ino(), changed }
    }

    #[cfg(not(unix))]
    pub(in super::super) fn of(about: &Metadata) -> Self {
        Self { length: about.len(), inode: 0, changed: 0 }
    }

    /// As bytes, for a hash.
    pub(in super::super) fn bytes(&self) -> [u8; 24] {
        let mut bytes = [0; 24];
        let parts = [self.length.to_le_bytes(), self.inode.to_le_bytes(), self.changed.to_le_bytes()];
        bytes.as_chunks_mut::<8>().0.copy_from_slice(&parts);
        bytes
    }

    /// Whether any later change of the file, which was read at `now`, has another stamp.
    pub(super) fn is_settled(&self, now: SystemTime) -> bool {
        self.changed < nanoseconds(now).saturating_sub(SETTLED.as_nanos() as i64)
    }

    /// Whether the file changed in the future, by the clock of this machine.
    pub(super) fn is_ahead(&self, now: SystemTime) -> bool {
        self.changed > nanoseconds(now).saturating_add(SETTLED.as_nanos() as i64)
    }
}

fn nanoseconds(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// Whether the file system of `folder` has times of change of its own. Images of disks and FAT repeat times that the files
/// came with, so that other contents may have the same.
#[cfg(target_os = "linux")]
pub(super) fn are_kept(folder: &Path) -> bool {
    use std::{ffi::CString, mem::MaybeUninit, os::unix::ffi::OsStrExt};
    // FAT, exFAT, ISO 9660, UDF, SquashFS, EROFS, cramfs
    const WITHOUT: [u32; 7] =
        [0x4d44, 0x2011_bab0, 0x9660, 0x1501_3346, 0x7371_7368, 0xe0f5_e1e2, 0x28cd_3d45];
    let Ok(path) = CString::new(folder.as_os_str().as_bytes()) else { return false };
    let mut found = MaybeUninit::<libc::statfs>::zeroed();
    // SAFETY: the path ends with a zero byte, and the structure is large enough and may be all zeros.
    let found = unsafe {
        if libc::statfs(path.as_ptr(), found.as_mut_ptr()) != 0 {
            return false;
        }
        found.assume_init()
    };
    !WITHOUT.contains(&(found.f_type as u32))
}

#[cfg(all(unix, not(target_os = "linux")))]
pub(super) fn are_kept(_: &Path) -> bool {
    true
}

#[cfg(not(unix))]
pub(super) fn are_kept(_: &Path) -> bool {
    false
}
