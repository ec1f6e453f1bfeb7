//! One task: its queries, the prediction for each of them, and its scores.

use super::{
    Error, Labels, Truth,
    metrics::{Counts, LabelCounts, METRICS, Metric},
};
use serde::Serialize;
use std::collections::BTreeMap;

/// One task of one set: queries and references.
#[derive(Clone, Copy, Debug)]
pub struct TaskInput<'a> {
    /// The data set: `chammi`.
    pub data: &'a str,
    /// The set in it: `Allen`.
    pub set: &'a str,
    /// The task: `Task_one`.
    pub task: &'a str,
    /// The labels of every image of the set, as indices into `label_names`.
    pub labels: Labels<'a>,
    /// The names of the labels.
    pub label_names: &'a [String],
    /// Rows of the training images, ascending.
    pub train: &'a [u32],
    /// Rows of the queried images, ascending.
    pub queries: &'a [u32],
    /// The group of each query in a leave-one-group-out task: the queries of other groups are then references
    /// too, after the training images.
    pub groups: Option<&'a [u32]>,
    /// Which of the queries count, if not all: the others only answer, where other groups' queries do.
    pub counted: Option<&'a [bool]>,
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
    /// Every [metric](super::metrics::METRICS) by its name.
    pub metrics: BTreeMap<&'static str, f64>,
    /// The scores of every label that occurs in the truth, in the order of the labels.
    pub per_class: Vec<ClassScore>,
    /// One per query that counts, in the order of the queries. Empty if a score is an average over draws.
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

/// The prediction for one image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// The image's row in the set's table.
    pub row: u32,
    /// Its label, or labels.
    pub truth: Truth,
    /// The predicted label, or labels.
    pub predicted: Truth,
    /// The row from which it was taken; `None` if nothing was compared.
    pub nearest: Option<u32>,
    /// The similarity to that row: the cosine, or minus the Euclidean distance.
    pub similarity: Option<f32>,
    /// Whether another row with another label is exactly as near: the first was taken.
    pub tied: bool,
}

impl TaskScore {
    /// `Allen/Task_one`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.set, self.task)
    }

    /// One of its metrics.
    ///
    /// # Panics
    /// If there is no metric with this name.
    pub fn metric(&self, name: &str) -> f64 {
        self.metrics[name]
    }
}

impl TaskInput<'_> {
    /// Adds the task's name to an error, except for a stop.
    pub(super) fn locate(&self, source: Error) -> Error {
        if matches!(source, Error::Stopped) {
            return source;
        }
        let (data, set, task) = (self.data.into(), self.set.into(), self.task.into());
        Error::Task { data, set, task, source: Box::new(source) }
    }

    /// Whether the query at this place counts.
    pub fn counts(&self, query: usize) -> bool {
        self.counted.is_none_or(|counted| counted[query])
    }

    /// The rows of the queries that count, and their groups.
    pub fn asked(&self) -> (Vec<u32>, Option<Vec<u32>>) {
        let of = |all: &[u32]| {
            all.iter()
                .enumerate()
                .filter(|(at, _)| self.counts(*at))
                .map(|(_, one)| *one)
                .collect::<Vec<u32>>()
        };
        (of(self.queries), self.groups.map(of))
    }

    /// Refuses a task that cannot be scored.
    pub(super) fn check(&self) -> Result<(), Error> {
        for (what, rows) in [("training image", self.train), ("image in the task", self.queries)] {
            if rows.is_empty() {
                return Err(self.locate(Error::Empty { what }));
            }
        }
        if !(0..self.queries.len()).any(|query| self.counts(query)) {
            return Err(self.locate(Error::Empty { what: "image that is asked for in the task" }));
        }
        if let Some(groups) = self.groups
            && groups.len() != self.queries.len()
        {
            let (expected, found) = (self.queries.len(), groups.len());
            return Err(self.locate(Error::Mismatch { what: "groups of queries", expected, found }));
        }
        Ok(())
    }

    /// The scores of given predictions.
    pub(super) fn scored(&self, predictions: Vec<Prediction>) -> TaskScore {
        let pairs = predictions.iter().map(|prediction| (prediction.truth, prediction.predicted));
        let counts = Counts::of(pairs);
        TaskScore { predictions, ..self.named(&[counts]) }
    }

    /// The mean scores of several lists of predictions for the same truth, without predictions.
    ///
    /// # Panics
    /// If there are no lists.
    pub(super) fn named(&self, lists: &[Counts]) -> TaskScore {
        let mean = |value: &dyn Fn(&Counts) -> f64| lists.iter().map(value).sum::<f64>() / lists.len() as f64;
        let class = |(label, counts): (&u16, &LabelCounts)| ClassScore {
            class: self.label_names[usize::from(*label)].clone(),
            precision: mean(&|list| list.of_label[label].precision()),
            recall: mean(&|list| list.of_label[label].recall()),
            f1: mean(&|list| list.of_label[label].f1()),
            support: counts.support,
        };
        let metric = |metric: &Metric| (metric.name, mean(&|list| (metric.of)(list)));
        TaskScore {
            data: self.data.into(),
            set: self.set.into(),
            task: self.task.into(),
            metrics: METRICS.iter().map(metric).collect(),
            per_class: lists[0].of_label.iter().map(class).collect(),
            predictions: Vec::new(),
        }
    }
}
