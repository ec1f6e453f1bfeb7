//! Scoring protocols: each predicts labels for a task; metrics are computed in one place.

mod folds;
mod knn;
mod linear_probe;
mod one_nn;

pub use knn::Knn;
pub use linear_probe::LinearProbe;
pub use one_nn::OneNn;

use super::{Error, FeatureRows, Prediction, TaskInput, TaskScore};
use crate::{event::Listen, spec};
use candle_core::Device;

/// A classifier on top of features.
pub trait Protocol: Send + Sync {
    /// The prediction for each query of `task`, in order. `features` has one row per image of the set and may
    /// be larger than memory.
    ///
    /// # Errors
    /// Features without distances, or the listener asks to stop.
    fn answer(
        &self,
        task: &TaskInput<'_>,
        features: &dyn FeatureRows,
        on: &Device,
        listen: &mut dyn Listen,
    ) -> Result<Vec<Prediction>, Error>;
}

/// The protocol that a spec names; none if a source's images answer ([`classify`](super::classify)), not the set's own.
pub fn of(protocol: &spec::Protocol) -> Option<Box<dyn Protocol>> {
    match protocol {
        spec::Protocol::OneNn(word) => Some(Box::new(OneNn { metric: word.metric })),
        spec::Protocol::LinearProbe(word) => Some(Box::new(LinearProbe { word: word.clone() })),
        spec::Protocol::Accuracy(_)
        | spec::Protocol::NearestMean(_)
        | spec::Protocol::Logistic(_)
        | spec::Protocol::Knn(_) => None,
    }
}

/// The score of a task by a protocol.
///
/// # Errors
/// A task without images, features that do not belong to the set, and as [`Protocol::answer`]; all name the
/// task.
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
