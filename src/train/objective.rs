//! The objective that a spec declares, as terms: its losses, and a strategy's penalty.

use crate::{
    loss::{Miro, Objective},
    model::Extractor,
    params::Params,
    spec::{Oracle, Strategy, Train},
};

/// The terms of a training of `model`; losses add their own parameters to `params`. `oracle` makes the
/// network that features stay close to, if there is one, from the initial parameters.
///
/// # Errors
/// If the oracle cannot be created.
pub fn objective<E>(
    train: &Train,
    model: &Extractor,
    classes: usize,
    params: &mut Params,
    oracle: impl FnOnce(Oracle, &Params) -> Result<Params, E>,
) -> Result<Objective, E> {
    let word = match &train.strategy {
        Strategy::Miro(word) => word,
        Strategy::Erm(_) | Strategy::Swad(_) | Strategy::DenseSwa(_) => {
            return Ok(Objective::new(&train.objective, model.width(), classes, params));
        }
    };
    // The oracle is a copy of the parameters before losses add theirs.
    let oracle = oracle(word.oracle, params)?;
    let objective = Objective::new(&train.objective, model.width(), classes, params);
    let miro = Miro::new(word, oracle, &model.probe_widths(word.taps), params);
    Ok(objective.and("miro", word.lambda as f32, Box::new(miro)))
}
