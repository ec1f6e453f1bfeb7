//! SimCLR (Chen et al. 2020) on the pooled features, without a projection head: two views of an image attract,
//! all other rows of the same set in the batch repel.

use super::{Forwarded, Term, Valued};
use crate::{curve::Clock, ops::Weight, params::Params, spec::Positives, tape::Tape};
use candle_core::Result;

pub(super) struct SimClr {
    pub(super) temperature: f64,
    pub(super) positives: Positives,
}

impl Term for SimClr {
    fn value(&self, tape: &mut Tape, _: &Params, out: &Forwarded<'_>, _: &Clock) -> Result<Valued> {
        let rows = out.features().dims()[0];
        let targets: Vec<usize> = (0..rows)
            .map(|row| match self.positives {
                // The views of image i are rows 2i and 2i + 1.
                Positives::SameImage => row ^ 1,
                Positives::RowPlusN => (row + rows / 2) % rows,
            })
            .collect();
        let itself: Vec<usize> = (0..rows).collect();
        let features = tape.normalise_rows(out.features())?;
        let cosines = tape.linear(&features, &features, Weight::OutIn, None)?;
        let sharpness = (1.0 / self.temperature) as f32;
        Ok(tape.cross_entropy(&cosines, sharpness, &targets, Some(&itself))?.into())
    }
}
