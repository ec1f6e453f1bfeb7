//! The hash of one file: of all its bytes, or of its length and three pieces.

use super::{Hash, Stamp};
use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::Path,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    time::SystemTime,
};

/// How much of a file its hash covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// Every byte.
    Full,
    /// The length, and the first, middle and last 64 KiB.
    Sampled,
}

/// A piece of a sampled file.
const PIECE: u64 = 64 << 10;
/// Bytes read at once.
pub(super) const BLOCK: usize = 1 << 20;
/// How often a file that changes while it is read is begun again.
const TRIES: usize = 3;

impl How {
    /// The ending of the cache's file.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Sampled => "sampled",
        }
    }

    /// How much is read of a file of this length.
    pub(super) fn reads(self, length: u64) -> u64 {
        match self {
            Self::Full => length,
            Self::Sampled => length.min(3 * PIECE),
        }
    }

    /// Start and length of what is read, in order.
    fn pieces(self, length: u64) -> Vec<(u64, u64)> {
        if self.reads(length) == length {
            return vec![(0, u64::MAX)];
        }
        [0, (length - PIECE) / 2, length - PIECE].map(|start| (start, PIECE)).into()
    }
}

/// The hash of a file, and what the system said about the file at that time.
pub(super) struct Hashed {
    pub(super) stamp: Stamp,
    pub(super) hash: Hash,
    /// When reading began.
    pub(super) at: SystemTime,
}

/// What the threads that read files share.
pub(super) struct Shared {
    pub(super) how: How,
    pub(super) clock: fn() -> SystemTime,
    pub(super) stop: AtomicBool,
    /// Bytes read by all.
    pub(super) read: AtomicU64,
}

/// Hashes a file; none if it was asked to stop. `block` is only room.
///
/// # Errors
/// If the file cannot be read, or does not stop changing.
pub(super) fn of(path: &Path, shared: &Shared, block: &mut [u8]) -> io::Result<Option<Hashed>> {
    for _ in 0..TRIES {
        let at = (shared.clock)();
        let mut file = File::open(path)?;
        let stamp = Stamp::of(&file.metadata()?);
        let mut hash = match shared.how {
            How::Full => blake3::Hasher::new(),
            How::Sampled => blake3::Hasher::new_derive_key("dichroic 2026-11-30 sampled contents of a file"),
        };
        let mut covered = 0;
        for (start, length) in shared.how.pieces(stamp.length) {
            file.seek(SeekFrom::Start(start))?;
            let mut piece = (&mut file).take(length);
            loop {
                if shared.stop.load(Relaxed) {
                    return Ok(None);
                }
                let read = piece.read(block)?;
                if read == 0 {
                    break;
                }
                hash.update(&block[..read]);
                covered += read as u64;
                shared.read.fetch_add(read as u64, Relaxed);
            }
        }
        if Stamp::of(&file.metadata()?) == stamp && covered == shared.how.reads(stamp.length) {
            return Ok(Some(Hashed { stamp, hash: *hash.finalize().as_bytes(), at }));
        }
    }
    Err(io::Error::new(io::ErrorKind::ResourceBusy, "it changes while it is read"))
}
