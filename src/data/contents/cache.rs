//! The file that keeps the hashes of a folder's files. A damaged one, or one of another format, counts as none.

use super::{Hash, Stamp};
use crate::atomic_file;
use std::{collections::HashMap, fs, io, path::Path};

/// The first bytes; another number wherever hashes are computed or written differently.
const HEAD: &[u8] = b"dichroic contents 1\n";
/// Bytes of the file's own hash, which ends it.
const SEAL: usize = 32;

/// Writes what is known about the files of `root`, sorted or not. Of several processes that write at once, the last one's
/// file is there, complete.
///
/// # Errors
/// If it cannot be written.
pub(super) fn write<'a>(
    file: &Path,
    root: &Path,
    entries: impl Iterator<Item = (&'a str, &'a Stamp, &'a Hash)>,
) -> io::Result<()> {
    let mut out = HEAD.to_vec();
    text(&mut out, root.as_os_str().as_encoded_bytes());
    for (path, stamp, hash) in entries {
        text(&mut out, path.as_bytes());
        out.extend(stamp.length.to_le_bytes());
        out.extend(stamp.inode.to_le_bytes());
        out.extend(stamp.changed.to_le_bytes());
        out.extend(hash);
    }
    let seal = blake3::hash(&out);
    out.extend(seal.as_bytes());
    file.parent().map_or(Ok(()), fs::create_dir_all)?;
    // Without waiting for the disk: after a power cut, a file that is not whole is not believed.
    atomic_file::fill_lightly(file, |part| fs::write(part, &out))
}

fn text(out: &mut Vec<u8>, text: &[u8]) {
    out.extend((text.len() as u32).to_le_bytes());
    out.extend(text);
}

/// What `bytes`, a file written by [`write`], knows about the files of `root`, by path.
pub(super) fn read<'a>(bytes: &'a [u8], root: &Path) -> Option<HashMap<&'a str, (Stamp, Hash)>> {
    let (body, seal) = bytes.split_at_checked(bytes.len().checked_sub(SEAL)?)?;
    let mut rest = body.strip_prefix(HEAD)?;
    if blake3::hash(body).as_bytes() != seal || next_text(&mut rest)? != root.as_os_str().as_encoded_bytes() {
        return None;
    }
    let mut known = HashMap::new();
    while !rest.is_empty() {
        let path = std::str::from_utf8(next_text(&mut rest)?).ok()?;
        let length = u64::from_le_bytes(next(&mut rest)?);
        let inode = u64::from_le_bytes(next(&mut rest)?);
        let changed = i64::from_le_bytes(next(&mut rest)?);
        known.insert(path, (Stamp { length, inode, changed }, next(&mut rest)?));
    }
    Some(known)
}

fn next<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, others) = rest.split_first_chunk::<N>()?;
    *rest = others;
    Some(*first)
}

fn next_text<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = u32::from_le_bytes(next(rest)?) as usize;
    let (first, others) = rest.split_at_checked(length)?;
    *rest = others;
    Some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_anything_else_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let (file, root) = (folder.path().join("deep/kept"), Path::new("/data/cells"));
        let stamps = [1, u64::MAX].map(|n| Stamp { length: n, inode: n / 2, changed: n as i64 });
        let entries = [("A/a.png", &stamps[0], &[7; 32]), ("A/ä.png", &stamps[1], &[8; 32])];
        write(&file, root, entries.into_iter()).unwrap();
        let bytes = fs::read(&file).unwrap();
        let known = read(&bytes, root).unwrap();
        assert_eq!((known.len(), known["A/a.png"], known["A/ä.png"].1), (2, (stamps[0], [7; 32]), [8; 32]));
        assert!(read(&bytes, Path::new("/data/cellt")).is_none(), "of another folder");
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert!(read(&damaged, root).is_none(), "damaged at {at}");
            assert!(read(&bytes[..at], root).is_none(), "cut at {at}");
        }
        // Sealed, yet a length points behind the end.
        let mut wrong = bytes[..bytes.len() - SEAL].to_vec();
        wrong.extend([255; 8]);
        let seal = blake3::hash(&wrong);
        wrong.extend(seal.as_bytes());
        assert!(read(&wrong, root).is_none());
    }
}
