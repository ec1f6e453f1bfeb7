//! Cross-entropy with a linear classifier over the classes of all training sets, and the released variant that
//! takes the features themselves for logits.

use super::{Outputs, Term};
use crate::{
    ops::Weight,
    params::{ParamId, Params, Published},
    tape::{Node, Tape},
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
    fn loss(&self, tape: &mut Tape, params: &Params, outputs: &Outputs<'_>) -> Result<Node> {
        let (weight, bias) = (tape.param(params, self.weight), tape.param(params, self.bias));
        let logits = tape.linear(outputs.features, &weight, Weight::OutIn, Some(&bias))?;
        tape.cross_entropy(&logits, 1.0, outputs.classes, None)
    }
}

/// Class c is the feature of index c (specification, section 5.3).
pub(super) struct OnFeatures;

impl Term for OnFeatures {
    fn loss(&self, tape: &mut Tape, _: &Params, outputs: &Outputs<'_>) -> Result<Node> {
        tape.cross_entropy(outputs.features, 1.0, outputs.classes, None)
    }
}
