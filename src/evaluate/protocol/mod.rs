//! Ways to score features: each protocol answers a task, and what the answers are worth is counted in one place.

mod one_nn;

pub use one_nn::OneNn;

use super::{Error, FeatureRows, Prediction, TaskInput, TaskScore};
use crate::{event::Listen, spec};
use candle_core::Device;

/// A classifier on top of features.
pub trait Protocol: Send + Sync {
    /// What it predicts for each query of `task`, in their order. `features` has one row for each image of the set; it may
    /// be larger than memory.
    ///
    /// # Errors
    /// Features that nothing can be said of, or the listener asks to stop.
    fn answer(
        &self,
        task: &TaskInput<'_>,
        features: &dyn FeatureRows,
        on: &Device,
        listen: &mut dyn Listen,
    ) -> Result<Vec<Prediction>, Error>;
}

/// The protocol that a spec names.
pub fn of(protocol: &spec::Protocol) -> Box<dyn Protocol> {
    match protocol {
        spec::Protocol::OneNn(word) => Box::new(OneNn { metric: word.metric }),
    }
}

/// The score of a task by a protocol.
///
/// # Errors
/// A task without images, features that are not those of the set, and as [`Protocol::answer`]: all with the task's name.
pub fn score(
    protocol: &dyn Protocol,
    task: &TaskInput<'_>,
    features: &dyn FeatureRows,
    on: &Device,
    listen: &mut dyn Listen,
) -> Result<TaskScore, Error> {
    task.check()?;
    if features.rows() != task.labels.len() {
        let (expected, found) = (task.labels.len(), features.rows());
        return Err(task.locate(Error::Mismatch { what: "rows of features", expected, found }));
    }
    let predictions = protocol.answer(task, features, on, listen).map_err(|error| task.locate(error))?;
    Ok(task.scored(predictions))
}

#[cfg(test)]
mod tests;
