//! The weighted votes of the nearest training images of a source.

use super::{Training, standardised::Scales};
use crate::{
    evaluate::{
        Error, FeatureRows,
        features::in_blocks,
        knn::{Unit, nearest, shares},
    },
    event::Listen,
    spec::settings::Knn,
};

/// Share of the votes that a class without any is given, so that its logarithm is a number where votes are pooled.
const NO_VOTE: f64 = 1e-6;

/// The training images of a source, as neighbours.
pub(super) struct Neighbours {
    pub(super) classes: Vec<String>,
    bank: Unit,
    labels: Vec<u16>,
    k: usize,
    temperature: f64,
}

impl Neighbours {
    pub(super) fn fit(training: &Training<'_>, word: &Knn) -> Result<Self, Error> {
        training.check()?;
        let classes = training.classes();
        let labels = training.labels(&classes).concat();
        let mut bank: Option<Unit> = None;
        for part in &training.parts {
            let more = Unit::read(part.features()?, &part.rows)?;
            match &mut bank {
                Some(bank) => bank.append(more)?,
                None => bank = Some(more),
            }
        }
        let bank = bank.ok_or(Error::Empty { what: "training image of the source" })?;
        Ok(Self { classes, bank, labels, k: word.k, temperature: word.temperature })
    }

    /// Logarithms of the votes for all classes for these rows, row after row.
    pub(super) fn votes(
        &self,
        features: &dyn FeatureRows,
        rows: &[u32],
        scales: &Scales,
        listen: &dyn Listen,
    ) -> Result<Vec<f64>, Error> {
        let (width, mut x) = (features.width(), Vec::new());
        let mut votes = Vec::with_capacity(rows.len() * self.classes.len());
        in_blocks(features, rows, |first, rows, values| {
            let mut queries = Unit::empty(width);
            for (at, image) in values.chunks_exact(width).enumerate() {
                scales.read(first + at, image, &mut x);
                if !queries.push(&x) {
                    return Err(Error::ZeroRow { row: rows[at] as usize });
                }
            }
            for near in nearest(&self.bank, &queries, self.k, listen)? {
                let shares = shares(&near, self.k, self.temperature, &self.labels, self.classes.len());
                votes.extend(shares.into_iter().map(|share| share.max(NO_VOTE).ln()));
            }
            Ok(())
        })?;
        Ok(votes)
    }
}
