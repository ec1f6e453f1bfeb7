//! Cross-entropy with a linear classifier over the classes of all training sets, and the released variant
//! that uses the features themselves as logits.

use super::{Forwarded, Term, Valued};
use crate::{
    curve::Clock,
    ops::Weight,
    params::{ParamId, Params, Published},
    tape::Tape,
};
use candle_core::Result;

pub(super) struct Linear {
    weight: ParamId,
    bias: ParamId,
}

impl Linear {
    pub(super) fn new(width: usize, classes: usize, params: &mut Params) -> Self {
        Self {
            weight: params.add_normal(Published::new("classifier.weight", &[classes, width]), 0.02),
            bias: params.add_constant(Published::new("classifier.bias", &[classes]), 0.0),
        }
    }
}

impl Term for Linear {
    fn value(&self, tape: &mut Tape, params: &Params, out: &Forwarded<'_>, _: &Clock) -> Result<Valued> {
        let (weight, bias) = (tape.param(params, self.weight), tape.param(params, self.bias));
        let logits = tape.linear(out.features(), &weight, Weight::OutIn, Some(&bias))?;
        Ok(tape.cross_entropy(&logits, 1.0, &out.classes_of_rows(), None)?.into())
    }
}

/// The logit of class c is feature c (specification, section 5.3).
pub(super) struct OnFeatures;

impl Term for OnFeatures {
    fn value(&self, tape: &mut Tape, _: &Params, out: &Forwarded<'_>, _: &Clock) -> Result<Valued> {
        Ok(tape.cross_entropy(out.features(), 1.0, &out.classes_of_rows(), None)?.into())
    }
}
