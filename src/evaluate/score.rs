//! One task: its queries, the prediction for each of them, and its scores.

use super::{
    Error, Labels, Truth,
    metrics::{Counts, METRICS, Metric},
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

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
    /// The scores of every label that is counted, in the order of the labels.
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
    /// The similarity to that row: the cosine, or minus the Euclidean distance; of a classifier, the probability of the label.
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

impl TaskScore {
    /// The number of images whose nearest has an equal of another label.
    pub fn tied(&self) -> usize {
        self.predictions.iter().filter(|prediction| prediction.tied).count()
    }
}

impl TaskInput<'_> {
    /// Images that no reference can answer rightly, by their label: none outside of their group has it.
    pub fn lost(&self) -> BTreeMap<String, usize> {
        // Of each label: whether it is in Train; a group of queries that has it, and whether another has it too.
        let train: HashSet<Truth> = self.train.iter().map(|row| self.labels.of(*row)).collect();
        let mut groups: HashMap<Truth, (u32, bool)> = HashMap::new();
        for (row, group) in self.queries.iter().zip(self.groups.unwrap_or_default()) {
            let of_label = groups.entry(self.labels.of(*row)).or_insert((*group, false));
            of_label.1 |= of_label.0 != *group;
        }
        let mut lost = BTreeMap::new();
        for (at, row) in self.queries.iter().enumerate().filter(|(at, _)| self.counts(*at)) {
            let truth = self.labels.of(*row);
            let own = self.groups.map(|groups| groups[at]);
            let in_another =
                groups.get(&truth).is_some_and(|(group, several)| *several || own != Some(*group));
            if !train.contains(&truth) && !in_another {
                *lost.entry(self.label_name(truth)).or_insert(0) += 1;
            }
        }
        lost
    }

    fn label_name(&self, truth: Truth) -> String {
        truth
            .labels()
            .map(|label| self.label_names[usize::from(label)].as_str())
            .collect::<Vec<_>>()
            .join(" + ")
    }

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
        self.check_asked().map_err(|error| self.locate(error))?;
        if let Some(groups) = self.groups
            && groups.len() != self.queries.len()
        {
            let (expected, found) = (self.queries.len(), groups.len());
            return Err(self.locate(Error::Mismatch { what: "groups of queries", expected, found }));
        }
        Ok(())
    }

    /// Refuses a task of which no image is asked for.
    pub(super) fn check_asked(&self) -> Result<(), Error> {
        if (0..self.queries.len()).any(|query| self.counts(query)) {
            return Ok(());
        }
        Err(Error::Empty { what: "image that is asked for in the task" })
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
        self.named_by(lists, &METRICS)
    }

    /// The same by other metrics.
    ///
    /// # Panics
    /// If there are no lists.
    pub(super) fn named_by(&self, lists: &[Counts], metrics: &[Metric]) -> TaskScore {
        let mean = |value: &dyn Fn(&Counts) -> f64| lists.iter().map(value).sum::<f64>() / lists.len() as f64;
        // A label that is only predicted need not be in all lists.
        let of = |list: &Counts, label: &u16| list.of_label.get(label).copied().unwrap_or_default();
        let labels: BTreeSet<u16> = lists.iter().flat_map(|list| list.of_label.keys().copied()).collect();
        let class = |label: &u16| ClassScore {
            class: self.label_names[usize::from(*label)].clone(),
            precision: mean(&|list| of(list, label).precision()),
            recall: mean(&|list| of(list, label).recall()),
            f1: mean(&|list| of(list, label).f1()),
            support: of(&lists[0], label).support,
        };
        let metric = |metric: &Metric| (metric.name, mean(&|list| (metric.of)(list)));
        TaskScore {
            data: self.data.into(),
            set: self.set.into(),
            task: self.task.into(),
            metrics: metrics.iter().map(metric).collect(),
            per_class: labels.iter().map(class).collect(),
            predictions: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_that_no_reference_can_answer_are_counted_by_label() {
        let names = ["a", "b", "c"].map(String::from);
        let labels = [0, 0, 1, 1, 2, 2, 2];
        let lost =
            |queries: &[u32], groups: Option<&[u32]>, counted: Option<&[bool]>| -> Vec<(String, usize)> {
                let labels = Labels::One(&labels);
                let (data, set, task, label_names) = ("d", "s", "t", &names[..]);
                let input =
                    TaskInput { data, set, task, labels, label_names, train: &[0], queries, groups, counted };
                input.lost().into_iter().collect()
            };
        let of = |label: &str, count| (label.to_owned(), count);
        assert_eq!(lost(&[1, 2, 3], None, None), [of("b", 2)], "b is not in Train");
        assert_eq!(lost(&[1, 2, 3], Some(&[7, 7, 7]), None), [of("b", 2)], "one group");
        assert_eq!(lost(&[1, 2, 3], Some(&[7, 7, 8]), None), [], "another group has it");
        assert_eq!(lost(&[2, 4, 5, 6], Some(&[7, 8, 8, 7]), None), [of("b", 1)]);
        assert_eq!(lost(&[2, 4, 5], Some(&[7, 8, 8]), Some(&[false, true, false])), [of("c", 1)]);
    }
}
