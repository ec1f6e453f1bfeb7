//! One set of a batch forwards and backwards, in parts.
//!
//! The loss wants the features of all rows: each part goes forwards, the loss follows on a tape of its own, and its
//! gradient by the features goes backwards through each part, in order. A part whose tape was not kept goes forwards
//! once more before that.

use super::{Error, Kept, Trainer, loader::Part, parts};
use crate::{
    adapter::Images,
    backbone::Drops,
    loss::Outputs,
    ops::Scalar,
    tape::{Grad, Gradients, Node, Tape},
};
use candle_core::{Result, Tensor};
use std::ops::Range;

/// The loss of one set, and its terms by name.
pub(super) type Pass = (Scalar, Vec<(&'static str, Scalar)>);

/// Some rows of a set on their way through the network.
pub(super) struct Rows {
    pub(super) images: Images,
    pub(super) rows: Range<usize>,
    /// Rows of the set in this batch.
    pub(super) of: usize,
    pub(super) step: u64,
}

/// What rows have become on a tape.
pub(super) struct Forwarded {
    tape: Tape,
    features: Node,
    /// The mean penalty of these rows.
    penalty: Option<Node>,
}

impl Trainer<'_> {
    /// One set forwards and backwards. The loss is that of all its rows; the penalty is a mean over rows, and each part has
    /// its share of it.
    pub(super) fn pass(
        &self,
        step: u64,
        part: &Part,
        keep: super::Keep,
        gradients: &mut Gradients,
    ) -> std::result::Result<Pass, Error> {
        let images = part.images()?;
        let (of, channels, height, width) = images.pixels.dims4()?;
        let pixels = self.model.passes(channels) * height * width;
        let cut = parts::cut(of, pixels, self.job.part);
        let longest = cut.iter().map(Range::len).max().unwrap_or(0);
        let fixed = 4 * self.params.count() as u64;
        let mut tapes = keep.begin(self.params.device(), longest, fixed);
        let (mut features, mut kept) = (Vec::new(), Vec::new());
        for (number, rows) in cut.into_iter().enumerate() {
            let pixels = images.pixels.narrow(0, rows.start, rows.len())?;
            let rows = Rows { images: Images { pixels, set: images.set }, rows, of, step };
            let forwarded = match tapes.keeps(number) {
                true => {
                    let forwarded = self.forward(&rows)?;
                    tapes.learn(number, rows.rows.len());
                    features.push(forwarded.features.value().clone());
                    Some(forwarded)
                }
                false => {
                    features.push(self.features(&rows)?);
                    None
                }
            };
            kept.push((rows, forwarded));
        }
        let mut tape = Tape::recording(self.params);
        let features = tape.leaf(match features.as_slice() {
            [one] => one.clone(),
            several => Tensor::cat(several, 0)?,
        });
        let outputs = Outputs { features: &features, classes: &part.classes };
        let value = self.objective.value(&mut tape, self.params, &outputs)?;
        let slope = tape.backward_to(&value.total, gradients, &features)?;
        let mut penalties = Vec::new();
        for (rows, forwarded) in kept {
            let forwarded = forwarded.map_or_else(|| self.forward(&rows), Ok)?;
            let share = rows.share();
            if let Some(penalty) = self.backward(&rows, forwarded, slope.as_ref(), gradients)? {
                penalties.push((share, penalty));
            }
        }
        self.valued(value.total, value.terms, &penalties)
    }

    /// Rows forwards on a tape.
    pub(super) fn forward(&self, rows: &Rows) -> Result<Forwarded> {
        let mut tape = Tape::recording(self.params);
        let taps = self.penalty.as_ref().map(super::Penalty::taps);
        let (features, tapped) =
            self.model.tapped(&mut tape, self.params, &rows.images, &mut self.drops(rows), taps)?;
        let penalty = self
            .penalty
            .as_ref()
            .map(|penalty| penalty.value(&mut tape, self.params, self.model, &rows.images, &tapped))
            .transpose()?;
        Ok(Forwarded { tape, features, penalty })
    }

    /// The features of rows that will go forwards again.
    pub(super) fn features(&self, rows: &Rows) -> Result<Tensor> {
        let mut tape = Tape::forgetting_in(self.params.format());
        // With the same hooks, so that the same operations come to the same bits.
        let taps = self.penalty.as_ref().map(super::Penalty::taps);
        let (features, _) =
            self.model.tapped(&mut tape, self.params, &rows.images, &mut self.drops(rows), taps)?;
        Ok(features.value().clone())
    }

    /// The residual branches that these rows are without, whichever rows pass with them and however often.
    fn drops(&self, rows: &Rows) -> Drops {
        let (step, set) = (rows.step, rows.images.set);
        let stream = self.job.seed.stream(&format!("drop path/step/{step}/set/{set}"));
        Drops::part(stream, rows.of, rows.rows.clone())
    }

    /// Rows backwards, from the gradient of the loss by the features of all rows. Hands out the penalty.
    fn backward(
        &self,
        rows: &Rows,
        forwarded: Forwarded,
        slope: Option<&Grad>,
        gradients: &mut Gradients,
    ) -> Result<Option<Node>> {
        let Forwarded { tape, features, penalty } = forwarded;
        let mut known = Vec::new();
        if let Some(slope) = slope {
            known.push((&features, slope.rows(rows.rows.clone())?));
        }
        if let (Some(node), Some(penalty)) = (&penalty, &self.penalty) {
            let weight = penalty.weight() * rows.share();
            let weight = Tensor::full(weight, node.value().shape(), node.value().device())?;
            known.push((node, Grad::of(weight)));
        }
        tape.backward_from(known, gradients)?;
        Ok(penalty.map(|node| Node::constant(node.value().clone())))
    }

    /// The value of the loss with the penalties of the parts.
    fn valued(
        &self,
        loss: Node,
        mut terms: Vec<(&'static str, Scalar)>,
        penalties: &[(f32, Node)],
    ) -> std::result::Result<Pass, Error> {
        let Some(penalty) = self.penalty.as_ref().filter(|_| !penalties.is_empty()) else {
            return Ok((loss.later(), terms));
        };
        let mut tape = Tape::forgetting();
        let mean = tape.weighted_sum(penalties)?;
        terms.push(("miro", mean.later()));
        let total =
            tape.weighted_sum(&[(1.0, Node::constant(loss.value().clone())), (penalty.weight(), mean)])?;
        Ok((total.later(), terms))
    }
}

impl Rows {
    /// Of all rows of the set in this batch.
    fn share(&self) -> f32 {
        (self.rows.len() as f64 / self.of as f64) as f32
    }
}
