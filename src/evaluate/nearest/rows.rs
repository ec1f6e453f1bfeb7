//! A block of rows, prepared for products.

use super::{
    arithmetic::{any_subnormal, dot},
    distinct::Distinct,
    frame::{Frame, length},
};
use crate::{
    evaluate::{Error, FeatureRows, Truth, features::rows_of_a_block},
    spec::Metric,
};
use rayon::prelude::*;

/// Rows as the operands of a product.
pub(super) struct Prepared {
    pub(super) width: usize,
    /// The rows as they are.
    pub(super) raw: Vec<f32>,
    /// The same, moved into the frame.
    pub(super) values: Vec<f32>,
    /// The lengths of the rows as they are; only the cosine needs them.
    pub(super) lengths: Vec<f64>,
    /// Each row's share in the error of a score.
    pub(super) errors: Vec<f64>,
    /// Half the squared length plus the error, and minus it: what is subtracted from a product to get the lowest and
    /// the highest score that the truth may be; only references have them.
    pub(super) low: Vec<f32>,
    pub(super) high: Vec<f32>,
    /// For each of the references, which of the block it is, its group, and whether an equal one has another label.
    pub(super) places: Vec<u32>,
    pub(super) groups: Option<Vec<u32>>,
    pub(super) mixed: Vec<bool>,
    /// Whether there are numbers that some threads read as 0.
    pub(super) subnormal: bool,
}

impl Prepared {
    /// Reads queries in order.
    ///
    /// # Errors
    /// If they cannot be read.
    pub(super) fn queries(features: &dyn FeatureRows, rows: &[u32], frame: &Frame) -> Result<Self, Error> {
        Ok(Self::of(read(features, rows)?, features.width(), frame))
    }

    /// Reads references in order, of equal ones of a group the first.
    ///
    /// # Errors
    /// If they cannot be read.
    pub(super) fn references(
        features: &dyn FeatureRows,
        rows: &[u32],
        (groups, labels): (Option<&[u32]>, Option<&[Truth]>),
        frame: &Frame,
    ) -> Result<Self, Error> {
        let (mut raw, width) = (read(features, rows)?, features.width());
        let group = |at: usize| groups.map_or(0, |groups| groups[at]);
        let alike = |one: usize, other: usize| labels.is_none_or(|labels| labels[one] == labels[other]);
        let Distinct { rows: places, mixed } = Distinct::of(&raw, width, frame.metric, group, alike);
        if places.len() < rows.len() {
            for (to, from) in places.iter().enumerate() {
                let from = *from as usize * width;
                raw.copy_within(from..from + width, to * width);
            }
            raw.truncate(places.len() * width);
        }
        let groups = groups.map(|groups| places.iter().map(|at| groups[*at as usize]).collect());
        Ok(Self { places, groups, mixed, ..Self::of(raw, width, frame) }.answering())
    }

    /// Rows that are in memory.
    pub(super) fn of(raw: Vec<f32>, width: usize, frame: &Frame) -> Self {
        let mut values = vec![0f32; raw.len()];
        let rows = || raw.par_chunks_exact(width);
        values.par_chunks_exact_mut(width).zip(rows()).for_each(|(out, row)| frame.place(row, out));
        let errors = values.par_chunks_exact(width).map(|row| frame.error(dot(row, row))).collect();
        let lengths = match frame.metric {
            Metric::Cosine => rows().map(length).collect(),
            Metric::L2 => Vec::new(),
        };
        let subnormal = raw.par_chunks(1 << 16).any(any_subnormal);
        let (low, high, places, mixed) = Default::default();
        Self { width, raw, values, lengths, errors, low, high, places, groups: None, mixed, subnormal }
    }

    /// Adds what references need.
    pub(super) fn answering(mut self) -> Self {
        let halves: Vec<f64> =
            self.values.par_chunks_exact(self.width).map(|row| 0.5 * dot(row, row)).collect();
        let all = || halves.iter().zip(&self.errors);
        (self.low, self.high) =
            all().map(|(half, error)| ((half + error) as f32, (half - error) as f32)).unzip();
        self
    }

    pub(super) fn count(&self) -> usize {
        self.errors.len()
    }

    /// A row as it is.
    pub(super) fn row(&self, at: usize) -> &[f32] {
        &self.raw[at * self.width..(at + 1) * self.width]
    }

    /// The moved rows from `first` on.
    pub(super) fn some(&self, first: usize, count: usize) -> &[f32] {
        &self.values[first * self.width..(first + count) * self.width]
    }

    /// The largest share in the error of a score.
    pub(super) fn largest_error(&self) -> f64 {
        self.errors.iter().copied().fold(0.0, f64::max)
    }
}

fn read(features: &dyn FeatureRows, rows: &[u32]) -> Result<Vec<f32>, Error> {
    let width = features.width();
    let mut values = vec![0f32; rows.len() * width];
    let few = rows_of_a_block(width);
    let parts = values.par_chunks_mut(few * width).zip(rows.par_chunks(few));
    let read: Vec<Result<(), Error>> = parts.map(|(out, rows)| features.read(rows, out)).collect();
    read.into_iter().collect::<Result<(), _>>()?;
    Ok(values)
}
