//! The objective that a spec declares, as terms: its losses, and a strategy's penalty.

use crate::{
    loss::{Miro, Objective},
    model::Extractor,
    params::Params,
    spec::{Needs, Oracle, Stage, Strategy},
};

/// The terms of a training of `model`; losses add their own parameters to `params`. `oracle` makes the
/// network that features stay close to, if there is one, from the initial parameters.
///
/// # Errors
/// If the oracle cannot be created.
pub fn objective<E>(
    stage: &Stage,
    model: &Extractor,
    classes: usize,
    params: &mut Params,
    oracle: impl FnOnce(Oracle, &Params) -> Result<Params, E>,
) -> Result<Objective, E> {
    let word = match &stage.strategy {
        Strategy::Miro(word) => word,
        Strategy::Erm(_) | Strategy::Swad(_) | Strategy::DenseSwa(_) => {
            return Ok(Objective::new(&stage.objective, model.read(), classes, params));
        }
    };
    // The oracle is a copy of the parameters before losses add theirs.
    let oracle = oracle(word.oracle, params)?;
    let objective = Objective::new(&stage.objective, model.read(), classes, params);
    let miro = Miro::new(word, oracle, &model.probe_widths(word.taps), params);
    Ok(objective.and("miro", word.lambda as f32, Needs::IMAGES, Box::new(miro)))
}
