//! Classifiers that were, or are, fitted on the images of a source, asked for the labels of a target's images.
//!
//! Most of them are linear in the features ([`Head`]): the classifier that was trained with the model, a
//! [logistic regression](super::logistic), [nearest class means](nearest_mean); the nearest [neighbours] are not. In front of
//! one the features of the target can be [standardised], behind it votes can be [pooled].

mod floors;
mod head;
mod nearest_mean;
mod neighbours;
pub mod pooled;
mod standardised;
mod tent;

pub use super::logistic::fit as regression;
pub use floors::{majority, prior};
pub use head::Head;

use super::{
    Error, FeatureRows, Prediction, TaskInput, TaskScore, Truth,
    metrics::{CLASSIFIED, Counts},
    moments::Moments,
};
use crate::{
    data::{ImageSet, Role},
    event::Listen,
    spec::{Protocol, Target},
};
use neighbours::Neighbours;
use std::collections::{BTreeMap, BTreeSet};

/// What the columns of a table say of an image.
pub trait Roles: Sync {
    /// The value of the column with that role; none if there is no such column or its field is empty.
    fn role(&self, row: u32, role: Role) -> Option<&str>;
}

impl Roles for ImageSet {
    fn role(&self, row: u32, role: Role) -> Option<&str> {
        Self::role(self, row, role)
    }
}

/// Images of a target, and what is known of them.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// The task; its own training images do not answer.
    pub task: TaskInput<'a>,
    /// Their plates, wells, treatments, …
    pub roles: &'a dyn Roles,
}

/// The images that a classifier was, or is, fitted on.
pub struct Training<'a> {
    /// Their data set.
    pub data: &'a str,
    /// Set by set.
    pub parts: Vec<TrainingPart<'a>>,
}

/// The images of one set that a classifier was, or is, fitted on.
pub struct TrainingPart<'a> {
    /// The set.
    pub set: &'a str,
    /// Its table.
    pub roles: &'a dyn Roles,
    /// Features of all images of the set, where they are read.
    pub features: Option<&'a dyn FeatureRows>,
    /// Rows of the training images, ascending.
    pub rows: Vec<u32>,
    /// The label of each of these rows, as an index into `names`.
    pub labels: Vec<u16>,
    /// The names of the set's labels.
    pub names: &'a [String],
}

impl<'a> TrainingPart<'a> {
    /// Of these rows of a set.
    pub fn of(set: &'a ImageSet, rows: Vec<u32>, features: Option<&'a dyn FeatureRows>) -> Self {
        let labels = rows.iter().map(|row| set.label(*row)).collect();
        Self { set: &set.name, roles: set, features, rows, labels, names: &set.labels }
    }

    pub(super) fn features(&self) -> Result<&'a dyn FeatureRows, Error> {
        self.features.ok_or(Error::Empty { what: "feature of the training images" })
    }
}

impl Training<'_> {
    /// The labels of these images, sorted, each once; equal labels of two sets are one class.
    pub fn classes(&self) -> Vec<String> {
        let of = |part: &TrainingPart<'_>| -> BTreeSet<u16> { part.labels.iter().copied().collect() };
        let names = |part| of(part).into_iter().map(|label| part.names[usize::from(label)].clone());
        let all: BTreeSet<String> = self.parts.iter().flat_map(names).collect();
        all.into_iter().collect()
    }

    /// Which images of a task it was not fitted on.
    pub fn unseen(&self, task: &TaskInput<'_>) -> Vec<bool> {
        let own = self.parts.iter().find(|part| self.data == task.data && part.set == task.set);
        let seen = |row: &u32| own.is_some_and(|part| part.rows.binary_search(row).is_ok());
        let counted = task.queries.iter().enumerate().map(|(at, row)| task.counts(at) && !seen(row));
        counted.collect()
    }

    /// The class of every training image, set by set, as an index into [`classes`](Self::classes).
    pub(super) fn labels(&self, classes: &[String]) -> Vec<Vec<u16>> {
        let place = |name: &String| classes.binary_search(name).map_or(0, |place| place as u16);
        let of = |part: &TrainingPart<'_>| {
            let of_name: Vec<u16> = part.names.iter().map(place).collect();
            part.labels.iter().map(|label| of_name[usize::from(*label)]).collect()
        };
        self.parts.iter().map(of).collect()
    }

    /// Mean and SD of each feature over these images.
    pub(super) fn moments(&self) -> Result<Moments, Error> {
        let parts = self.parts.iter().map(|part| Ok((part.features()?, part.rows.as_slice())));
        Moments::of(&parts.collect::<Result<Vec<_>, Error>>()?)
    }

    /// Refuses a source of which nothing is left to fit on.
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.parts.iter().all(|part| part.rows.is_empty()) {
            return Err(Error::Empty { what: "training image of the source" });
        }
        Ok(())
    }
}

/// A task's score, with the names of the labels that its predictions are about.
#[derive(Clone, Debug, PartialEq)]
pub struct Classified {
    /// The score. The similarity of a prediction is the probability of its label.
    pub score: TaskScore,
    /// The labels of the target, and after them those that only the classifier knows.
    pub label_names: Vec<String>,
    /// Images whose label the classifier does not know, by label: they count as wrong.
    pub unknown: BTreeMap<String, usize>,
}

/// The score of a task by a protocol and what it [learned](Learned::of) from a source. `features` are those of the target's
/// images, one row per image of the set.
///
/// # Errors
/// Nothing to ask; features that do not belong together; plates without controls where the protocol names them. All name the
/// task.
pub fn classify(
    by: &Protocol,
    asked: &Asked<'_>,
    features: &dyn FeatureRows,
    learned: &Learned,
    training: &Training<'_>,
    listen: &mut dyn Listen,
) -> Result<Classified, Error> {
    let (expected, found) = (asked.task.labels.len(), features.rows());
    let answer = || {
        if features.rows() != asked.task.labels.len() {
            return Err(Error::Mismatch { what: "rows of features", expected, found });
        }
        let (rows, _) = asked.task.asked();
        let target = by.target();
        let mut scales = standardised::scales(target.standardised, asked.roles, features, &rows, training)?;
        let votes = match &learned.0 {
            Kind::Linear(head) => {
                head.fits(features.width())?;
                if let Protocol::Accuracy(word) = by
                    && word.tent
                {
                    let source = training.moments()?;
                    scales = tent::adapted(head, features, &rows, &scales, &source, listen)?;
                }
                head.votes(features, &rows, &scales)?
            }
            Kind::Neighbours(neighbours) => neighbours.votes(features, &rows, &scales, listen)?,
        };
        Ok(voted(&target, asked, &rows, votes))
    };
    let votes = asked.task.check_asked().and_then(|()| answer()).map_err(|error| asked.task.locate(error))?;
    Ok(counted(asked, learned.classes(), &votes))
}

/// The label of each asked image, as an index into the classes, and its probability.
fn voted(target: &Target, asked: &Asked<'_>, rows: &[u32], mut votes: Vec<f64>) -> Vec<(u16, f32)> {
    let classes = votes.len() / rows.len().max(1);
    if let Some(role) = target.pooled {
        pooled::pool(&mut votes, classes, &pooled::units(asked.roles, rows, role));
    }
    votes.chunks_exact(classes).map(head::likeliest).collect()
}

/// What was learned from a source: once, for all targets that are asked.
pub struct Learned(Kind);

enum Kind {
    Linear(Head),
    Neighbours(Neighbours),
}

impl Learned {
    /// What a protocol asks. `head` is the classifier that was trained with the model, if the protocol reads it, or a
    /// [regression] that was fitted before.
    ///
    /// # Errors
    /// Nothing to learn from, or features that are no numbers or do not belong together.
    pub fn of(
        by: &Protocol,
        head: Option<Head>,
        training: &Training<'_>,
        listen: &mut dyn Listen,
    ) -> Result<Self, Error> {
        Ok(Self(match by {
            Protocol::Accuracy(_) => Kind::Linear(head.ok_or(Error::Empty { what: "trained classifier" })?),
            Protocol::NearestMean(_) => Kind::Linear(nearest_mean::fit(training)?),
            Protocol::Logistic(word) => Kind::Linear(match head {
                Some(fitted) => fitted,
                None => regression(training, word.c, listen)?,
            }),
            Protocol::Knn(word) => Kind::Neighbours(Neighbours::fit(training, word)?),
            Protocol::OneNn(_) | Protocol::LinearProbe(_) => {
                return Err(Error::Empty { what: "classifier that learned from a source" });
            }
        }))
    }

    /// The classes that it knows, sorted.
    pub fn classes(&self) -> &[String] {
        match &self.0 {
            Kind::Linear(head) => &head.classes,
            Kind::Neighbours(neighbours) => &neighbours.classes,
        }
    }
}

/// The score of predictions, one for each asked image.
fn counted(asked: &Asked<'_>, classes: &[String], votes: &[(u16, f32)]) -> Classified {
    let Union { names, of_class } = Union::of(asked.task.label_names, classes);
    let task = TaskInput { label_names: &names, ..asked.task };
    let (rows, _) = task.asked();
    let prediction = |(row, (class, probability)): (&u32, &(u16, f32))| Prediction {
        row: *row,
        truth: task.labels.of(*row),
        predicted: Truth::One(of_class[usize::from(*class)]),
        nearest: None,
        similarity: Some(*probability),
        tied: false,
    };
    let predictions: Vec<Prediction> = rows.iter().zip(votes).map(prediction).collect();
    let counts =
        Counts::of_all(predictions.iter().map(|prediction| (prediction.truth, prediction.predicted)));
    let score = TaskScore { predictions, ..task.named_by(&[counts], &CLASSIFIED) };
    let unknown = unknown(&task, &rows, classes);
    Classified { score, label_names: names, unknown }
}

/// Images whose label is no class, by label.
fn unknown(task: &TaskInput<'_>, rows: &[u32], classes: &[String]) -> BTreeMap<String, usize> {
    let mut unknown = BTreeMap::new();
    let labels = rows.iter().flat_map(|row| task.labels.of(*row).labels());
    for label in labels.map(|label| &task.label_names[usize::from(label)]) {
        if classes.binary_search(label).is_err() {
            *unknown.entry(label.clone()).or_insert(0) += 1;
        }
    }
    unknown
}

/// The labels of a target and the classes of a source in one list.
struct Union {
    names: Vec<String>,
    /// The place of each class.
    of_class: Vec<u16>,
}

impl Union {
    fn of(labels: &[String], classes: &[String]) -> Self {
        let mut names = labels.to_vec();
        let mut places: BTreeMap<&str, u16> =
            labels.iter().enumerate().map(|(place, name)| (name.as_str(), place as u16)).collect();
        let of_class = classes.iter().map(|class| {
            *places.entry(class).or_insert_with(|| {
                names.push(class.clone());
                names.len() as u16 - 1
            })
        });
        let of_class = of_class.collect();
        Self { names, of_class }
    }
}

#[cfg(test)]
pub(super) mod tests;
