//! MIRO (Cha et al. 2022): intermediate features at a few probes stay close to those of an oracle, within
//! learned variances.

use super::{Forwarded, Term, Valued};
use crate::{
    curve::Clock,
    ops::raw_of_variance,
    params::{ParamId, Params, Published},
    spec::{self, Taps},
    tape::Tape,
};
use candle_core::Result;

/// The initial variance of every channel (from MIRO's authors).
const START: f64 = 0.1;

/// The penalty of a training.
pub struct Miro {
    oracle: Params,
    taps: Taps,
    variances: Vec<ParamId>,
}

impl Miro {
    /// Adds the variances to `params`, with the numbers in `widths` for the probes. `oracle` has the
    /// parameters of another instance of the same model.
    pub fn new(word: &spec::Miro, oracle: Params, widths: &[usize], params: &mut Params) -> Self {
        let variance = |(probe, width): (usize, &usize)| {
            let published = Published::new(format!("variance_encoders.{probe}.b"), &[*width]);
            let id = params.add_constant(published, raw_of_variance(START) as f32);
            params.set_rate_factor(id, word.rate_factor);
            id
        };
        let variances = widths.iter().enumerate().map(variance).collect();
        Self { oracle, taps: word.taps, variances }
    }
}

impl Term for Miro {
    fn probes(&self) -> Option<Taps> {
        Some(self.taps)
    }

    fn oracle(&self) -> Option<&Params> {
        Some(&self.oracle)
    }

    fn value(&self, tape: &mut Tape, params: &Params, out: &Forwarded<'_>, _: &Clock) -> Result<Valued> {
        let mut terms = Vec::new();
        for (student, oracle) in out.student.iter().zip(out.oracle) {
            for ((found, expected), id) in student.probes.iter().zip(&oracle.probes).zip(&self.variances) {
                let raw = tape.param(params, *id);
                terms.push((1.0, tape.variance_penalty(found, expected.value(), &raw)?));
            }
        }
        Ok(tape.weighted_sum(&terms)?.into())
    }
}
