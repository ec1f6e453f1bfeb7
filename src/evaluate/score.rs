//! One task from features to scores, and what was predicted for every image of it.

use super::one_nn::{NO_GROUP, nearest, nearest_outside_group};
use super::{Error, FeatureMatrix, f1};
use crate::spec::Metric;
use candle_core::Device;
use serde::Serialize;

/// One task of one set: who is asked, and who may answer.
#[derive(Clone, Copy, Debug)]
pub struct TaskInput<'a> {
    /// The data set: `chammi`.
    pub data: &'a str,
    /// The set in it: `Allen`.
    pub set: &'a str,
    /// The task: `Task_one`.
    pub task: &'a str,
    /// The label of every image of the set, as an index into `label_names`.
    pub labels: &'a [u16],
    /// What the labels are called.
    pub label_names: &'a [String],
    /// Rows of the training images, ascending.
    pub train: &'a [u32],
    /// Rows of the images that are asked about, ascending.
    pub queries: &'a [u32],
    /// The group of each query, if the task leaves one group out: then the other groups' queries answer too,
    /// after the training images.
    pub groups: Option<&'a [u32]>,
}

/// The scores of one task.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskScore {
    /// The data set.
    pub data: String,
    /// The set in it.
    pub set: String,
    /// The task.
    pub task: String,
    /// Share of right predictions.
    pub accuracy: f64,
    /// Mean F1 over the labels of the truth.
    pub f1_macro: f64,
    /// Every label of the truth, in the order of the labels.
    pub per_class: Vec<ClassScore>,
    /// One for each query, in the order of the queries. Empty where a score is an average over draws.
    pub predictions: Vec<Prediction>,
}

/// The scores of one label.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassScore {
    /// The label's name.
    #[serde(skip)]
    pub class: String,
    /// Share of the predictions of this label that are right.
    pub precision: f64,
    /// Share of the images of this label that were found.
    pub recall: f64,
    /// Harmonic mean of the two.
    pub f1: f64,
    /// Images that have this label.
    pub support: u32,
}

/// What was predicted for one image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// The image's row in the set's table.
    pub row: u32,
    /// Its label.
    pub truth: u16,
    /// The label that it was given.
    pub predicted: u16,
    /// The row that it was taken from; `None` where nothing was compared.
    pub nearest: Option<u32>,
    /// How near that row is: the cosine, or minus the Euclidean distance.
    pub similarity: Option<f32>,
}

impl TaskScore {
    /// `Allen/Task_one`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.set, self.task)
    }
}

impl TaskInput<'_> {
    /// Names the task in an error.
    pub(super) fn locate(&self, source: Error) -> Error {
        let (data, set, task) = (self.data.into(), self.set.into(), self.task.into());
        Error::Task { data, set, task, source: Box::new(source) }
    }

    /// Refuses a task that cannot be scored.
    pub(super) fn check(&self) -> Result<(), Error> {
        for (what, rows) in [("training image", self.train), ("image in the task", self.queries)] {
            if rows.is_empty() {
                return Err(self.locate(Error::Empty { what }));
            }
        }
        if let Some(groups) = self.groups
            && groups.len() != self.queries.len()
        {
            let (expected, found) = (self.queries.len(), groups.len());
            return Err(self.locate(Error::Mismatch { what: "groups of queries", expected, found }));
        }
        Ok(())
    }

    /// The label of each query.
    pub(super) fn truth(&self) -> Vec<u16> {
        self.queries.iter().map(|row| self.labels[*row as usize]).collect()
    }

    /// The scores of given predictions.
    pub(super) fn scored(&self, predictions: Vec<Prediction>) -> TaskScore {
        let predicted: Vec<u16> = predictions.iter().map(|prediction| prediction.predicted).collect();
        let summary = f1::summarise(&self.truth(), &predicted);
        TaskScore { predictions, ..self.named(summary) }
    }

    /// A summary with names, without predictions.
    pub(super) fn named(&self, summary: f1::Summary) -> TaskScore {
        let per_class = summary
            .per_class
            .into_iter()
            .map(|class| ClassScore {
                class: self.label_names[usize::from(class.label)].clone(),
                precision: class.precision,
                recall: class.recall,
                f1: class.f1,
                support: class.support,
            })
            .collect();
        TaskScore {
            data: self.data.into(),
            set: self.set.into(),
            task: self.task.into(),
            accuracy: summary.accuracy,
            f1_macro: summary.f1_macro,
            per_class,
            predictions: Vec::new(),
        }
    }
}

/// Every query gets the label of its nearest neighbour. `features` has one row for each image of the set.
///
/// # Errors
/// As [`nearest`] and [`nearest_outside_group`], with the task's name and rows of the set's table.
pub fn one_nn(
    input: &TaskInput<'_>,
    features: FeatureMatrix<'_>,
    metric: Metric,
    on: &Device,
) -> Result<TaskScore, Error> {
    input.check()?;
    if features.rows() != input.labels.len() {
        let (expected, found) = (input.labels.len(), features.rows());
        return Err(input.locate(Error::Mismatch { what: "rows of features", expected, found }));
    }
    // Checked before the search, which would name rows of its own matrices.
    let used = input.train.iter().chain(input.queries).copied();
    features.check(used, metric).map_err(|error| input.locate(error))?;
    let answering: Vec<u32> = match input.groups {
        None => input.train.to_vec(),
        Some(_) => input.train.iter().chain(input.queries).copied().collect(),
    };
    let references = features.gather(answering.iter().copied());
    let references = FeatureMatrix { width: features.width, values: &references };
    let queries = features.gather(input.queries.iter().copied());
    let queries = FeatureMatrix { width: features.width, values: &queries };
    let found = match input.groups {
        None => nearest(references, queries, metric, on),
        Some(groups) => {
            let mut answering_groups = vec![NO_GROUP; input.train.len()];
            answering_groups.extend_from_slice(groups);
            nearest_outside_group(references, &answering_groups, queries, groups, metric, on)
        }
    }
    .map_err(|error| input.locate(error))?;
    let predictions = input
        .queries
        .iter()
        .zip(found)
        .map(|(row, neighbour)| {
            let nearest = answering[neighbour.index as usize];
            Prediction {
                row: *row,
                truth: input.labels[*row as usize],
                predicted: input.labels[nearest as usize],
                nearest: Some(nearest),
                similarity: Some(neighbour.similarity),
            }
        })
        .collect();
    Ok(input.scored(predictions))
}

#[cfg(test)]
mod tests;
