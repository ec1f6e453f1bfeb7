//! Features in a file, of which only the requested rows are read: never memory-mapped, never whole.

use super::FeatureRows;
use crate::{evaluate::Error, npy};
use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

/// Most bytes read in one piece.
const PIECE: usize = 1 << 20;
/// A gap of at most this many bytes between two requested rows is read rather than skipped.
const GAP: usize = 1 << 16;

/// 32-bit floats in a file, row after row.
#[derive(Debug)]
pub struct FeatureFile {
    file: File,
    /// Its name in error messages.
    path: PathBuf,
    /// The offset of the first number.
    start: u64,
    width: usize,
    rows: usize,
}

impl FeatureFile {
    /// A file that consists of `rows` rows of equal width.
    ///
    /// # Errors
    /// [`Error::Features`] if it cannot be opened, [`Error::Damaged`] if its length is not a multiple of the
    /// number of rows.
    pub fn plain(path: &Path, rows: usize) -> Result<Self, Error> {
        let failed = |source| Error::Features { path: path.into(), source };
        let file = File::open(path).map_err(failed)?;
        let bytes = file.metadata().map_err(failed)?.len();
        let width = bytes as usize / 4 / rows.max(1);
        if width == 0 || bytes != (4 * width * rows) as u64 {
            return Err(Error::Damaged { path: path.into(), rows, bytes });
        }
        Ok(Self { file, path: path.into(), start: 0, width, rows })
    }

    /// A file in NumPy's format.
    ///
    /// # Errors
    /// As text: it cannot be opened, is something else, or is truncated.
    pub fn npy(path: &Path) -> Result<Self, String> {
        let mut file = File::open(path).map_err(|error| format!("expected a NumPy file: {error}"))?;
        let npy::Matrix { rows, width, start } = npy::read(&mut file)?;
        let bytes = file.metadata().map_err(|error| error.to_string())?.len().saturating_sub(start);
        let expected = 4 * (rows as u64).saturating_mul(width as u64);
        if bytes < expected {
            return Err(format!("expected {expected} bytes after the header, found {bytes}"));
        }
        Ok(Self { file, path: path.into(), start, width, rows })
    }

    /// An unnamed file in `folder`, filled by `fill`; it vanishes with its last user, or with the process.
    ///
    /// # Errors
    /// If it cannot be written, and those of `fill`.
    pub fn scratch(
        folder: &Path,
        width: usize,
        fill: impl FnOnce(&mut dyn FnMut(&[f32]) -> Result<(), Error>) -> Result<(), Error>,
    ) -> Result<Self, Error> {
        let failed = |source| Error::Features { path: folder.into(), source };
        let mut out = BufWriter::with_capacity(PIECE, tempfile::tempfile_in(folder).map_err(failed)?);
        let mut numbers = 0;
        fill(&mut |values: &[f32]| {
            numbers += values.len();
            write(&mut out, values).map_err(failed)
        })?;
        let file = out.into_inner().map_err(|error| failed(error.into_error()))?;
        Ok(Self { file, path: folder.into(), start: 0, width, rows: numbers / width.max(1) })
    }
}

/// Writes 32-bit floats without a header.
///
/// # Errors
/// Those of `out`.
pub(crate) fn write(out: &mut impl Write, values: &[f32]) -> io::Result<()> {
    let mut bytes = [0; 4096];
    for values in values.chunks(bytes.len() / 4) {
        for (bytes, value) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(values) {
            *bytes = value.to_le_bytes();
        }
        out.write_all(&bytes[..4 * values.len()])?;
    }
    Ok(())
}

impl FeatureRows for FeatureFile {
    fn width(&self) -> usize {
        self.width
    }

    fn rows(&self) -> usize {
        self.rows
    }

    fn read(&self, rows: &[u32], out: &mut [f32]) -> Result<(), Error> {
        assert_eq!(out.len(), rows.len() * self.width, "room for as many rows as are asked for");
        assert!(rows.iter().all(|row| (*row as usize) < self.rows), "rows of the file");
        let line = 4 * self.width;
        let mut bytes = Vec::new();
        let mut rest = out;
        for piece in pieces(rows, line) {
            let first = piece[0];
            let count = (piece[piece.len() - 1] - first) as usize + 1;
            bytes.resize(count * line, 0);
            read_at(&self.file, &mut bytes, self.start + u64::from(first) * line as u64)
                .map_err(|source| Error::Features { path: self.path.clone(), source })?;
            let (own, others) = rest.split_at_mut(piece.len() * self.width);
            for (row, out) in piece.iter().zip(own.chunks_exact_mut(self.width)) {
                let at = (row - first) as usize * line;
                for (value, bytes) in out.iter_mut().zip(bytes[at..at + line].as_chunks::<4>().0) {
                    *value = f32::from_le_bytes(*bytes);
                }
            }
            rest = others;
        }
        Ok(())
    }
}

/// Splits ascending rows into pieces that are read at once: those with small gaps between them.
fn pieces(rows: &[u32], line: usize) -> impl Iterator<Item = &[u32]> {
    let mut rest = rows;
    std::iter::from_fn(move || {
        let first = *rest.first()?;
        let near = |pair: &[u32]| {
            pair[1] > pair[0]
                && ((pair[1] - pair[0] - 1) as usize).saturating_mul(line) <= GAP
                && ((pair[1] - first + 1) as usize).saturating_mul(line) <= PIECE
        };
        let count = 1 + rest.windows(2).take_while(|pair| near(pair)).count();
        let (piece, others) = rest.split_at(count);
        rest = others;
        Some(piece)
    })
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, at)
}

#[cfg(windows)]
fn read_at(file: &File, mut bytes: &mut [u8], mut at: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let read = std::os::windows::fs::FileExt::seek_read(file, bytes, at)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        (bytes, at) = (&mut bytes[read..], at + read as u64);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(rows: usize, width: usize) -> (tempfile::TempDir, FeatureFile) {
        let folder = tempfile::tempdir().unwrap();
        let values: Vec<f32> = (0..rows * width).map(|at| at as f32).collect();
        let file =
            FeatureFile::scratch(folder.path(), width, |take| values.chunks(7 * width).try_for_each(take));
        (folder, file.unwrap_or_else(|error: Error| panic!("{error}")))
    }

    #[test]
    fn any_rows_in_any_order_are_those_of_the_file() {
        let (folder, file) = scratch(50_000, 3);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "the file has no name");
        for rows in [
            vec![],
            vec![49_999],
            (0..50_000).collect(),
            (0..50_000).step_by(2).collect(),
            (0..50_000).step_by(9_000).collect(),
            vec![7, 7, 3, 4, 5, 49_999, 0],
        ] {
            let mut found = vec![0.0; rows.len() * 3];
            file.read(&rows, &mut found).unwrap();
            let expected: Vec<f32> =
                rows.iter().flat_map(|row| (0..3).map(move |at| (row * 3 + at) as f32)).collect();
            assert!(found == expected, "{} rows from {:?}", rows.len(), rows.first());
        }
    }

    #[test]
    fn near_rows_are_read_together_and_never_too_many() {
        let lengths = |rows: &[u32], line| pieces(rows, line).map(<[u32]>::len).collect::<Vec<_>>();
        assert_eq!(lengths(&(0..1000).collect::<Vec<_>>(), 4096), [256, 256, 256, 232]);
        assert_eq!(
            lengths(&[0, 17, 35, 34], 4096),
            [2, 1, 1],
            "a gap of 16 rows is read, one of 17 is skipped"
        );
        assert_eq!(lengths(&[5, 6], PIECE + 4), [1, 1], "a row may be longer than a piece");
    }

    #[test]
    fn a_file_of_another_length_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("features-A.f32");
        let open = |rows| FeatureFile::plain(&path, rows);
        assert!(open(2).unwrap_err().to_string().contains("features-A.f32"), "the file is missing");
        std::fs::write(&path, [0; 24]).unwrap();
        assert_eq!((open(2).unwrap().width, open(3).unwrap().width, open(6).unwrap().width), (3, 2, 1));
        for rows in [4, 5, 7] {
            assert!(matches!(open(rows), Err(Error::Damaged { bytes: 24, .. })), "{rows}");
        }
        std::fs::write(&path, [npy::header(2, 3), vec![0; 23]].concat()).unwrap();
        assert_eq!(FeatureFile::npy(&path).unwrap_err(), "expected 24 bytes after the header, found 23");
    }
}
