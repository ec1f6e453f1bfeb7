//! Features in a file, of which only the requested rows are read: never memory-mapped, never whole.

use super::FeatureRows;
use crate::{
    evaluate::Error,
    npy::{self, Float, Matrix, Numbers, Refusal},
};
use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

/// Most bytes read in one piece.
const PIECE: usize = 1 << 20;
/// A gap of at most this many bytes between two requested rows is read rather than skipped.
const GAP: usize = 1 << 16;

/// Floats in a file, read as 32-bit ones: row after row, or column after column.
#[derive(Debug)]
pub struct FeatureFile {
    file: File,
    /// Its name in error messages.
    path: PathBuf,
    /// The offset of the first number.
    start: u64,
    numbers: Numbers,
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
        Ok(Self { file, path: path.into(), start: 0, numbers: Numbers::PLAIN, width, rows })
    }

    /// A file in NumPy's format. Nothing is allocated by what its header says: the numbers must be there.
    ///
    /// # Errors
    /// It cannot be opened, is something else, or is shorter than its header says.
    pub(crate) fn npy(path: &Path) -> Result<Self, Refusal> {
        let plain = |why: String| Refusal { why, remedy: "write the file again" };
        let mut file = File::open(path).map_err(|error| plain(format!("expected a NumPy file: {error}")))?;
        let matrix = npy::read(&mut file)?;
        let Matrix { rows, width, numbers, start } = matrix;
        let found = file.metadata().map_err(|error| plain(error.to_string()))?.len().saturating_sub(start);
        let expected = matrix.bytes();
        if expected.is_none_or(|expected| found < expected) {
            let bytes = expected.map_or_else(|| "more than 2^64".into(), |bytes| bytes.to_string());
            let name = numbers.name();
            let why = format!(
                "the header says {rows} rows of {width} {name}, {bytes} bytes; the file has {found} after it"
            );
            return Err(Refusal { why, remedy: "the file is cut short or damaged: write or fetch it again" });
        }
        Ok(Self { file, path: path.into(), start, numbers, width, rows })
    }

    /// What is done to the numbers of a file when they are read, if they are not 32-bit floats.
    pub(crate) fn converted(&self) -> Option<String> {
        let name = self.numbers.name();
        match self.numbers.float {
            Float::Single => None,
            Float::Half => Some(format!("{name} is read as float32")),
            Float::Double => Some(format!("{name} is rounded to float32")),
        }
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
        Ok(Self {
            file,
            path: folder.into(),
            start: 0,
            numbers: Numbers::PLAIN,
            width,
            rows: numbers / width.max(1),
        })
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
        let (size, width) = (self.numbers.size(), self.width);
        let line = size * width;
        let (mut bytes, mut rest) = (Vec::new(), out);
        for piece in pieces(rows, line) {
            let (own, others) = rest.split_at_mut(piece.len() * width);
            rest = others;
            let (first, last) = (piece[0] as usize, piece[piece.len() - 1] as usize);
            let count = last - first + 1;
            bytes.resize(count * line, 0);
            self.fetch(first, count, &mut bytes)?;
            for (row, out) in piece.iter().zip(own.chunks_exact_mut(width)) {
                let at = *row as usize - first;
                if self.numbers.by_columns {
                    for (column, out) in out.iter_mut().enumerate() {
                        let at = (column * count + at) * size;
                        self.numbers.decode(&bytes[at..at + size], std::slice::from_mut(out));
                    }
                } else {
                    self.numbers.decode(&bytes[at * line..][..line], out);
                }
                self.refuse_too_large(*row as usize, out)?;
            }
        }
        Ok(())
    }
}

impl FeatureFile {
    /// Reads `count` rows: one after the other, or of each column these rows.
    fn fetch(&self, first: usize, count: usize, bytes: &mut [u8]) -> Result<(), Error> {
        let failed = |source| Error::Features { path: self.path.clone(), source };
        let size = self.numbers.size();
        if !self.numbers.by_columns {
            return read_at(&self.file, bytes, self.start + (first * size * self.width) as u64)
                .map_err(failed);
        }
        let mut columns = bytes.chunks_exact_mut(count * size).enumerate();
        columns.try_for_each(|(column, bytes)| {
            let number = column as u64 * self.rows as u64 + first as u64;
            read_at(&self.file, bytes, self.start + number * size as u64).map_err(failed)
        })
    }

    /// A float64 beyond float32 is not infinite, as it would look.
    fn refuse_too_large(&self, row: usize, values: &[f32]) -> Result<(), Error> {
        let Some(column) = values.iter().position(|value| value.is_infinite()) else { return Ok(()) };
        if self.numbers.float != Float::Double {
            return Ok(());
        }
        let (row_number, width) = (row as u64, self.width as u64);
        let number = if self.numbers.by_columns {
            column as u64 * self.rows as u64 + row_number
        } else {
            row_number * width + column as u64
        };
        let mut bytes = [0; 8];
        read_at(&self.file, &mut bytes, self.start + number * 8)
            .map_err(|source| Error::Features { path: self.path.clone(), source })?;
        match self.numbers.too_large(&bytes) {
            Some(value) => Err(Error::TooLarge { row, column, value }),
            None => Ok(()),
        }
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
        let refused = |header: Vec<u8>, bytes: usize| {
            std::fs::write(&path, [header, vec![0; bytes]].concat()).unwrap();
            FeatureFile::npy(&path).unwrap_err().why
        };
        let short = refused(npy::header(2, 3), 23);
        assert_eq!(short, "the header says 2 rows of 3 float32, 24 bytes; the file has 23 after it");
        let huge = refused(npy::header(4, 1_000_000_000_000), 64);
        assert!(huge.contains("16000000000000 bytes; the file has 64 after it"), "{huge}");
        let beyond = refused(npy::header(1_000_000_000_000_000_000, 6), 64);
        assert!(beyond.contains("more than 2^64 bytes"), "{beyond}");
    }

    /// As NumPy stores it.
    fn stored(numbers: Numbers, rows: usize, width: usize, value: impl Fn(usize, usize) -> f64) -> Vec<u8> {
        let cell = |row: usize, column: usize| {
            let value = value(row, column);
            let mut bytes = match numbers.float {
                // Small powers of two: exponents alone.
                Float::Half => (((value.log2() as i32 + 15) as u16) << 10).to_le_bytes().to_vec(),
                Float::Single => (value as f32).to_le_bytes().to_vec(),
                Float::Double => value.to_le_bytes().to_vec(),
            };
            if numbers.big_endian {
                bytes.reverse();
            }
            bytes
        };
        let order = if numbers.by_columns { "True" } else { "False" };
        let (end, size) = (if numbers.big_endian { '>' } else { '<' }, numbers.size());
        let text =
            format!("{{'descr': '{end}f{size}', 'fortran_order': {order}, 'shape': ({rows}, {width}), }}\n");
        let head = [b"\x93NUMPY\x01\x00", &(text.len() as u16).to_le_bytes()[..], text.as_bytes()].concat();
        let cells: Vec<(usize, usize)> = match numbers.by_columns {
            true => (0..width).flat_map(|column| (0..rows).map(move |row| (row, column))).collect(),
            false => (0..rows).flat_map(|row| (0..width).map(move |column| (row, column))).collect(),
        };
        let body = cells.into_iter().flat_map(|(row, column)| cell(row, column));
        head.into_iter().chain(body).collect()
    }

    #[test]
    fn floats_of_any_layout_are_the_same_features() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("features.npy");
        let (rows, width) = (3000, 3);
        let value =
            |row: usize, column: usize| [0.25, 0.5, 1.0, 2.0, 4.0][(row * 3 + column * 7 + row / 11) % 5];
        for float in [Float::Half, Float::Single, Float::Double] {
            for (big_endian, by_columns) in [(false, false), (false, true), (true, false), (true, true)] {
                let numbers = Numbers { float, big_endian, by_columns };
                std::fs::write(&path, stored(numbers, rows, width, value)).unwrap();
                let file = FeatureFile::npy(&path).unwrap();
                assert_eq!(file.converted().is_some(), float != Float::Single);
                for asked in [(0..3000).collect(), vec![5, 6, 9, 2999, 0, 17]] as [Vec<u32>; 2] {
                    let mut found = vec![0.0; asked.len() * width];
                    file.read(&asked, &mut found).unwrap();
                    let expected =
                        asked.iter().flat_map(|row| (0..width).map(|at| value(*row as usize, at) as f32));
                    assert!(found.iter().copied().eq(expected), "{numbers:?}");
                }
            }
        }
        let numbers = Numbers { float: Float::Double, big_endian: true, by_columns: true };
        let large = |row, column| if (row, column) == (7, 2) { 1e300 } else { 0.1 };
        std::fs::write(&path, stored(numbers, 9, 3, large)).unwrap();
        let read = |rows: &[u32]| {
            let mut found = vec![0.0; 3 * rows.len()];
            FeatureFile::npy(&path).unwrap().read(rows, &mut found).map(|()| found)
        };
        assert_eq!(read(&[6]).unwrap(), [0.1; 3]);
        assert!(matches!(read(&[6, 7]), Err(Error::TooLarge { row: 7, column: 2, .. })));
    }
}
