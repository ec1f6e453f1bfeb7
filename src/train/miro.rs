//! MIRO (Cha et al. 2022): features at a few taps stay close to an oracle's, within variances that are learned.

use crate::{
    adapter::Images,
    model::Extractor,
    ops::raw_of_variance,
    params::{ParamId, Params, Published},
    seed::Seed,
    spec::{self, Taps},
    tape::{Node, Tape},
};
use candle_core::Result;

/// The variance of every channel before the first step (MIRO's authors).
const START: f64 = 0.1;

/// The penalty of a training.
pub(super) struct Penalty<'a> {
    oracle: &'a Params,
    taps: Taps,
    weight: f32,
    variances: Vec<ParamId>,
}

impl<'a> Penalty<'a> {
    /// Adds the variances to `params`. `oracle` holds the parameters of another instance of the same model.
    pub(super) fn new(word: &spec::Miro, oracle: &'a Params, model: &Extractor, params: &mut Params) -> Self {
        let variance = |(tap, width): (usize, usize)| {
            let published = Published::new(format!("variance_encoders.{tap}.b"), &[width]);
            let id = params.add_constant(published, raw_of_variance(START) as f32);
            params.hurry(id, word.rate_factor);
            id
        };
        let variances = model.tap_widths(word.taps).into_iter().enumerate().map(variance).collect();
        Self { oracle, taps: word.taps, weight: word.lambda as f32, variances }
    }

    /// Where the model is tapped.
    pub(super) fn taps(&self) -> Taps {
        self.taps
    }

    /// By what the penalty is multiplied.
    pub(super) fn weight(&self) -> f32 {
        self.weight
    }

    /// The penalty of what flowed by at the taps.
    pub(super) fn value(
        &self,
        tape: &mut Tape,
        params: &Params,
        model: &Extractor,
        images: &Images,
        found: &[Node],
    ) -> Result<Node> {
        let mut none = Seed(0).stream("the oracle drops nothing");
        let (_, expected) = model.tapped(
            &mut Tape::forgetting_in(params.format()),
            self.oracle,
            images,
            &mut none,
            Some(self.taps),
        )?;
        let mut terms = Vec::new();
        for ((found, expected), id) in found.iter().zip(expected).zip(&self.variances) {
            let raw = tape.param(params, *id);
            terms.push((1.0, tape.variance_penalty(found, expected.value(), &raw)?));
        }
        tape.weighted_sum(&terms)
    }
}
