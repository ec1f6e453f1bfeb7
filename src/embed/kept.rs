//! Rows of features that take long, kept one by one while the others are computed: a kill costs one image.
//!
//! A row is its width, its numbers and a hash of both and of its place, so that what a power cut leaves is recognised.

use super::{Error, Take};
use std::{
    fs::{File, OpenOptions},
    io::{self, BufReader, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

/// Bytes of a row's hash.
const HASH: usize = 8;
/// Most numbers of a row; more are not ours.
const WIDEST: usize = 1 << 20;

/// A file of rows that grows.
pub struct KeptRows {
    path: PathBuf,
    file: File,
    rows: u64,
    bytes: u64,
}

impl KeptRows {
    /// Opens a file, or begins it, and passes the rows in it to `take`, in order. From the first that is damaged or not whole
    /// on, it is cut off.
    ///
    /// # Errors
    /// If it cannot be read or written, and those of `take`.
    pub fn open(path: &Path, take: &mut Take<'_>) -> Result<Self, Error> {
        let failed = |source| Error::Write { path: path.into(), source };
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
        let mut this = Self { path: path.into(), file: file.map_err(failed)?, rows: 0, bytes: 0 };
        let mut reader = BufReader::new(this.file.try_clone().map_err(failed)?);
        while let Some(row) = next(&mut reader, this.rows).map_err(failed)? {
            take(&row, row.len())?;
            this.count(row.len());
        }
        this.file.set_len(this.bytes).map_err(failed)?;
        this.file.seek(SeekFrom::End(0)).map_err(failed)?;
        Ok(this)
    }

    /// Rows in it.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Its length in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Adds a row, which outlives this process from here on.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn add(&mut self, row: &[f32]) -> Result<(), Error> {
        let failed = |source| Error::Write { path: self.path.clone(), source };
        self.file.write_all(&encoded(self.rows, row)).map_err(failed)?;
        self.count(row.len());
        Ok(())
    }

    fn count(&mut self, width: usize) {
        self.rows += 1;
        self.bytes += (4 + 4 * width + HASH) as u64;
    }
}

/// The next row, which has that place; none if there is no whole one.
fn next(from: &mut impl Read, place: u64) -> io::Result<Option<Vec<f32>>> {
    let mut width = [0; 4];
    if !filled(from, &mut width)? {
        return Ok(None);
    }
    let count = u32::from_le_bytes(width) as usize;
    if count > WIDEST {
        return Ok(None);
    }
    let mut rest = vec![0; 4 * count + HASH];
    if !filled(from, &mut rest)? {
        return Ok(None);
    }
    let numbers = rest[..4 * count].as_chunks::<4>().0;
    let row: Vec<f32> = numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    Ok((encoded(place, &row)[4..] == rest[..]).then_some(row))
}

/// Whether all of it could be read.
fn filled(from: &mut impl Read, bytes: &mut [u8]) -> io::Result<bool> {
    match from.read_exact(bytes) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn encoded(place: u64, row: &[f32]) -> Vec<u8> {
    let mut bytes = (row.len() as u32).to_le_bytes().to_vec();
    bytes.extend(row.iter().flat_map(|value| value.to_le_bytes()));
    let mut hash = blake3::Hasher::new();
    hash.update(&place.to_le_bytes()).update(&bytes);
    bytes.extend(&hash.finalize().as_bytes()[..HASH]);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn rows(path: &Path) -> (KeptRows, Vec<Vec<f32>>) {
        let mut found = Vec::new();
        let kept = KeptRows::open(path, &mut |row, _| {
            found.push(row.to_vec());
            Ok(())
        });
        (kept.unwrap(), found)
    }

    #[test]
    fn whole_rows_come_back_and_what_follows_a_damaged_one_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows");
        let (mut kept, none) = rows(&path);
        assert!(none.is_empty());
        let all = [vec![1.0, -0.0, f32::MIN_POSITIVE], vec![2.0, 3.0, 4.0], vec![5.0, 6.0, 7.0]];
        all.iter().for_each(|row| kept.add(row).unwrap());
        drop(kept);
        let whole = fs::read(&path).unwrap();
        assert_eq!(whole.len(), 3 * 24);
        let (kept, found) = rows(&path);
        assert_eq!((kept.rows(), kept.bytes()), (3, 72));
        assert_eq!(
            found[0].iter().map(|v| v.to_bits()).collect::<Vec<_>>(),
            all[0].iter().map(|v| v.to_bits()).collect::<Vec<_>>()
        );

        // Torn, or with blocks that never reached the disk: what is before stays, and the file goes on from there.
        for (length, damaged) in
            [(71, None), (50, None), (49, None), (72, Some(60)), (72, Some(48)), (72, Some(30))]
        {
            let mut bytes = whole[..length].to_vec();
            damaged.into_iter().for_each(|at: usize| bytes[at] ^= 0x40);
            fs::write(&path, &bytes).unwrap();
            let left = if damaged == Some(30) { 1 } else { 2 };
            let (mut kept, found) = rows(&path);
            assert_eq!(
                (kept.rows() as usize, found.as_slice()),
                (left, &all[..left]),
                "{length} {damaged:?}"
            );
            all[left..].iter().for_each(|row| kept.add(row).unwrap());
            assert_eq!(fs::read(&path).unwrap(), whole, "{length} {damaged:?}");
        }
        // A row at another place is not this one.
        fs::write(&path, [&whole[24..48], &whole[..24]].concat()).unwrap();
        assert!(rows(&path).1.is_empty());
    }
}
