//! Features, one row for each image: in memory, or in a file that is read block by block because it may be larger than memory.

mod file;
mod keyed;
mod pieces;
mod side_by_side;

pub use file::FeatureFile;
pub(crate) use file::write;
pub use keyed::Keyed;
pub use pieces::Pieces;
pub use side_by_side::SideBySide;

use super::Error;
use crate::spec::Metric;
use rayon::prelude::*;

/// Rows of features, in memory or in a file. No caller requests all of them at once.
pub trait FeatureRows: Sync {
    /// Columns.
    fn width(&self) -> usize;

    /// The number of images.
    fn rows(&self) -> usize;

    /// Copies some of the rows to `out`, in the order of `rows`.
    ///
    /// # Errors
    /// If they cannot be read.
    ///
    /// # Panics
    /// If a row does not exist, or the length of `out` does not fit.
    fn read(&self, rows: &[u32], out: &mut [f32]) -> Result<(), Error>;
}

/// Bytes of a block in a single pass.
const BLOCK: usize = 4 << 20;

/// Rows of a block in a single pass, several for each thread.
pub(super) fn rows_of_a_block(width: usize) -> usize {
    (BLOCK / (4 * width.max(1))).max(1)
}

/// How large the numbers of some rows are.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Extent {
    /// The largest, without its sign.
    pub(super) largest: f32,
}

impl Extent {
    /// Of these numbers. The bits of positive numbers are ordered as they are, in any mode of the processor.
    pub(super) fn of(values: &[f32]) -> Self {
        let size = |value: &f32| value.to_bits() & 0x7fff_ffff;
        Self { largest: f32::from_bits(values.iter().map(size).max().unwrap_or(0)) }
    }

    /// Of both.
    pub(super) fn and(self, other: Self) -> Self {
        Self::of(&[self.largest, other.largest])
    }
}

/// Refuses rows without a distance: NaN and infinities; for the cosine also rows of zeros.
///
/// # Errors
/// The first such row among `rows`, or one that cannot be read.
pub fn check(features: &dyn FeatureRows, rows: &[u32], metric: Metric) -> Result<(), Error> {
    extent(features, rows, metric).map(drop)
}

/// The same, and returns how large these rows are.
pub(super) fn extent(features: &dyn FeatureRows, rows: &[u32], metric: Metric) -> Result<Extent, Error> {
    let parts = pass(features, rows, |rows, values| {
        check_block(rows, values, metric)?;
        Ok(Extent::of(values))
    })?;
    Ok(parts.into_iter().fold(Extent::default(), Extent::and))
}

/// The result of `of` for each block, in order; or the first error in the order of the rows.
fn pass<T: Send>(
    features: &dyn FeatureRows,
    rows: &[u32],
    of: impl Fn(&[u32], &[f32]) -> Result<T, Error> + Sync,
) -> Result<Vec<T>, Error> {
    let blocks = rows.par_chunks(rows_of_a_block(features.width())).map_init(Vec::new, |values, rows| {
        values.resize(rows.len() * features.width(), 0.0);
        features.read(rows, values)?;
        of(rows, values)
    });
    // Threads may find errors in any order: keep the first by row.
    blocks.collect::<Vec<_>>().into_iter().collect()
}

/// Passes some images to `take`, block by block and in order: the number of the first, their rows, and their features.
///
/// # Errors
/// Rows that cannot be read, features that are no numbers, and those of `take`.
pub(super) fn in_blocks(
    features: &dyn FeatureRows,
    rows: &[u32],
    mut take: impl FnMut(usize, &[u32], &[f32]) -> Result<(), Error>,
) -> Result<(), Error> {
    let (width, mut values) = (features.width(), Vec::new());
    let block = rows_of_a_block(width);
    for (number, rows) in rows.chunks(block).enumerate() {
        values.resize(rows.len() * width, 0f32);
        features.read(rows, &mut values)?;
        finite(rows, &values, width)?;
        take(number * block, rows, &values)?;
    }
    Ok(())
}

/// Refuses features that are no numbers.
fn finite(rows: &[u32], values: &[f32], width: usize) -> Result<(), Error> {
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(at) => {
            let (row, column) = (rows[at / width] as usize, at % width);
            Err(Error::NotFinite { row, column, value: values[at] })
        }
    }
}

fn check_block(rows: &[u32], values: &[f32], metric: Metric) -> Result<(), Error> {
    for (row, values) in rows.iter().zip(values.chunks_exact(values.len() / rows.len())) {
        finite(&[*row], values, values.len())?;
        let row = *row as usize;
        // By their bits: threads that flush subnormal numbers read them as 0.
        if metric == Metric::Cosine && values.iter().all(|value| value.to_bits() << 1 == 0) {
            return Err(Error::ZeroRow { row });
        }
    }
    Ok(())
}

/// Features, one image per row.
#[derive(Clone, Copy, Debug)]
pub struct FeatureMatrix<'a> {
    /// Columns.
    pub width: usize,
    /// Row after row.
    pub values: &'a [f32],
}

impl<'a> FeatureMatrix<'a> {
    /// A matrix of `width` columns.
    ///
    /// # Errors
    /// If the values do not fill whole rows.
    pub fn new(width: usize, values: &'a [f32]) -> Result<Self, Error> {
        if width == 0 || !values.len().is_multiple_of(width) {
            return Err(Error::Shape { width, len: values.len() });
        }
        Ok(Self { width, values })
    }

    /// The number of images.
    pub fn rows(&self) -> usize {
        self.values.len() / self.width
    }

    /// The features of one image.
    ///
    /// # Panics
    /// If the row does not exist.
    pub fn row(&self, row: usize) -> &'a [f32] {
        &self.values[row * self.width..(row + 1) * self.width]
    }

    /// Some of the rows, in the order of `rows`.
    ///
    /// # Panics
    /// If a row does not exist.
    pub fn gather(&self, rows: impl Iterator<Item = u32>) -> Vec<f32> {
        rows.flat_map(|row| self.row(row as usize)).copied().collect()
    }
}

impl FeatureRows for FeatureMatrix<'_> {
    fn width(&self) -> usize {
        self.width
    }

    fn rows(&self) -> usize {
        FeatureMatrix::rows(self)
    }

    fn read(&self, rows: &[u32], out: &mut [f32]) -> Result<(), Error> {
        assert_eq!(out.len(), rows.len() * self.width, "room for as many rows as are asked for");
        for (row, out) in rows.iter().zip(out.chunks_exact_mut(self.width)) {
            out.copy_from_slice(self.row(*row as usize));
        }
        Ok(())
    }
}
