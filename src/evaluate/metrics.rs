//! Metrics of predictions, each a function of counts. Accuracy and F1 are counted as by the published
//! evaluator (CHAMMI evaluator, `morphem/`) and as by scikit-learn's averages, for several labels per image
//! too.

use super::Truth;
use crate::papers;
use std::collections::BTreeMap;

/// A metric of a task.
pub struct Metric {
    /// The name in the store and in JSON.
    pub name: &'static str,
    /// Its value.
    pub of: fn(&Counts) -> f64,
}

/// All metrics of a task, by name.
pub const METRICS: [Metric; 2] =
    [Metric { name: ACCURACY, of: accuracy }, Metric { name: F1_MACRO, of: f1_macro }];

/// All metrics of a task that a classifier of other images answers: labels that are only predicted count too.
pub const CLASSIFIED: [Metric; 5] = [
    Metric { name: ACCURACY, of: accuracy },
    Metric { name: F1_MACRO, of: f1_macro },
    Metric { name: PRECISION_MACRO, of: precision_macro },
    Metric { name: RECALL_MACRO, of: recall_macro },
    Metric { name: KAPPA, of: kappa },
];

/// The name of [`accuracy`].
pub const ACCURACY: &str = papers::ACCURACY.name;
/// The name of [`f1_macro`].
pub const F1_MACRO: &str = papers::MACRO_F1.name;
/// The name of [`precision_macro`].
pub const PRECISION_MACRO: &str = "precision_macro";
/// The name of [`recall_macro`].
pub const RECALL_MACRO: &str = "recall_macro";
/// The name of [`kappa`].
pub const KAPPA: &str = "kappa";

/// Share of images whose predicted labels equal the true ones.
pub fn accuracy(counts: &Counts) -> f64 {
    counts.right as f64 / counts.images as f64
}

/// Unweighted mean F1 over the labels that are counted: those of the truth ([`Counts::of`]), where a label that is only
/// predicted counts as a miss of the true one and has no other effect, or of predictions too ([`Counts::of_all`]). 0 if
/// there is no label.
pub fn f1_macro(counts: &Counts) -> f64 {
    mean(counts, LabelCounts::f1)
}

/// What becomes of classes that no image that is asked has, in a mean over classes in which they have a part. ([`f1_macro`] of
/// [`Counts::of`] leaves all of them out: the evaluator of CHAMMI, scikit-learn with the true labels.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// Every class of the images that answer has a part in it, those that are absent one of 0 (torchmetrics up to 0.11).
    Zero,
    /// Those that are predicted have a part of 0, others none (torchmetrics since then; scikit-learn without labels).
    LeftOut,
}

/// Unweighted mean F1 of pairs of true and predicted labels over the labels of the truth and what `absent` says, given all labels of
/// the images that answer.
pub fn f1_macro_of(
    pairs: impl Iterator<Item = (Truth, Truth)> + Clone,
    answering: impl Iterator<Item = Truth>,
    absent: Absent,
) -> f64 {
    match absent {
        Absent::LeftOut => f1_macro(&Counts::of_all(pairs)),
        Absent::Zero => {
            let known = answering.flat_map(Truth::labels);
            f1_macro(&Counts::of_labels(known.map(|label| (label, LabelCounts::default())).collect(), pairs))
        }
    }
}

/// Unweighted mean precision over the labels that are counted.
pub fn precision_macro(counts: &Counts) -> f64 {
    mean(counts, LabelCounts::precision)
}

/// Unweighted mean recall over the labels that are counted.
pub fn recall_macro(counts: &Counts) -> f64 {
    mean(counts, LabelCounts::recall)
}

fn mean(counts: &Counts, of: impl Fn(&LabelCounts) -> f64) -> f64 {
    counts.of_label.values().map(of).sum::<f64>() / counts.of_label.len().max(1) as f64
}

/// Cohen's kappa of images with one label each: agreement beyond that of independent guesses with the same shares. 0 where
/// truth and prediction are one and the same label throughout, for which scikit-learn has no number.
pub fn kappa(counts: &Counts) -> f64 {
    let images = counts.images as f64;
    let pairs = counts.of_label.values().map(|label| f64::from(label.support) * f64::from(label.predicted));
    let expected = pairs.sum::<f64>() / (images * images);
    if expected < 1.0 { (accuracy(counts) - expected) / (1.0 - expected) } else { 0.0 }
}

/// Counts of correct predictions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    /// All images.
    pub images: usize,
    /// Those whose predicted labels equal the true ones.
    pub right: usize,
    /// Every label that is counted: those of the truth, or of predictions too.
    pub of_label: BTreeMap<u16, LabelCounts>,
}

/// The images with one label.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LabelCounts {
    /// Images that have the label and for which it was predicted.
    pub hits: u32,
    /// Images that have the label.
    pub support: u32,
    /// Images for which the label was predicted.
    pub predicted: u32,
}

impl LabelCounts {
    /// Share of the predictions of this label that are right; 0 if it was never predicted.
    pub fn precision(&self) -> f64 {
        share(self.hits, self.predicted)
    }

    /// Share of the images of this label that were found.
    pub fn recall(&self) -> f64 {
        share(self.hits, self.support)
    }

    /// Harmonic mean of the two; 0 if both are 0.
    pub fn f1(&self) -> f64 {
        share(2 * self.hits, self.support + self.predicted)
    }
}

fn share(part: u32, whole: u32) -> f64 {
    if whole == 0 { 0.0 } else { f64::from(part) / f64::from(whole) }
}

impl Counts {
    /// Counts pairs of true and predicted labels. `pairs` is iterated twice.
    ///
    /// # Panics
    /// If there are no images.
    pub fn of(pairs: impl Iterator<Item = (Truth, Truth)> + Clone) -> Self {
        Self::of_labels(BTreeMap::new(), pairs)
    }

    /// The same, with labels that are only predicted among the counted ones.
    ///
    /// # Panics
    /// If there are no images.
    pub fn of_all(pairs: impl Iterator<Item = (Truth, Truth)> + Clone) -> Self {
        let predicted = pairs.clone().flat_map(|(_, predicted)| predicted.labels());
        Self::of_labels(predicted.map(|label| (label, LabelCounts::default())).collect(), pairs)
    }

    fn of_labels(
        of_label: BTreeMap<u16, LabelCounts>,
        pairs: impl Iterator<Item = (Truth, Truth)> + Clone,
    ) -> Self {
        let mut counts = Self { images: 0, right: 0, of_label };
        for label in pairs.clone().flat_map(|(truth, _)| truth.labels()) {
            counts.of_label.entry(label).or_default().support += 1;
        }
        for (truth, predicted) in pairs {
            counts.images += 1;
            counts.right += usize::from(truth == predicted);
            for label in predicted.labels() {
                if let Some(count) = counts.of_label.get_mut(&label) {
                    count.predicted += 1;
                    count.hits += u32::from(truth.has(label));
                }
            }
        }
        assert!(counts.images > 0, "an empty task has no score");
        counts
    }

    /// The same for images with one label each.
    ///
    /// # Panics
    /// If the lists differ in length or are empty.
    pub fn of_lists(truth: &[u16], predicted: &[u16]) -> Self {
        assert_eq!(truth.len(), predicted.len(), "one prediction for each image");
        Self::of(truth.iter().zip(predicted).map(|(a, b)| (Truth::One(*a), Truth::One(*b))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_outside_the_truth_are_misses_and_nothing_else() {
        let counts = Counts::of_lists(&[4, 4, 4, 5, 5, 6], &[4, 0, 5, 5, 1, 5]);
        let found = f1_macro(&counts);
        assert!((found - 0.3).abs() < 1e-12, "the specification's example: {found}");
        assert!((accuracy(&counts) - 2.0 / 6.0).abs() < 1e-12);
        assert_eq!(counts.of_label.keys().copied().collect::<Vec<_>>(), [4, 5, 6]);
        let five = counts.of_label[&5];
        assert_eq!((five.precision(), five.recall(), five.support), (1.0 / 3.0, 0.5, 2));
        assert_eq!(counts.of_label[&6].f1(), 0.0);
    }

    /// `truth = [0,0,1,1,2,2,2]`, `predicted = [0,3,1,1,2,0,3]`; scikit-learn 1.9.1: accuracy_score, f1_score,
    /// precision_score, recall_score (average="macro", zero_division=0), cohen_kappa_score.
    #[test]
    fn labels_that_are_only_predicted_count_where_a_classifier_of_other_images_answers() {
        let truth = [0, 0, 1, 1, 2, 2, 2].map(Truth::One);
        let predicted = [0, 3, 1, 1, 2, 0, 3].map(Truth::One);
        let counts = Counts::of_all(truth.into_iter().zip(predicted));
        let found = CLASSIFIED.map(|metric| (metric.of)(&counts));
        let wanted = [4.0 / 7.0, 0.5, 0.625, (0.5 + 1.0 + 1.0 / 3.0) / 4.0, 17.0 / 38.0];
        for ((found, wanted), metric) in found.into_iter().zip(wanted).zip(CLASSIFIED) {
            assert!((found - wanted).abs() < 1e-12, "{}: {found}, {wanted}", metric.name);
        }
        let same = Counts::of_all([(Truth::One(1), Truth::One(1))].into_iter());
        assert_eq!((kappa(&same), f1_macro(&same)), (0.0, 1.0));
    }

    #[test]
    fn several_labels_are_counted_as_scikit_learn_counts_them() {
        // y = [[1,0,1],[0,1,0],[0,0,0],[1,1,0]]; p = [[1,0,0],[0,1,0],[0,0,0],[1,1,1]]
        // accuracy_score(y, p) 0.5; f1_score(y, p, average=None) [1, 1, 0]
        let pairs = [(0b101, 0b001), (0b010, 0b010), (0, 0), (0b011, 0b111)];
        let counts = Counts::of(pairs.iter().map(|(a, b)| (Truth::Many(*a), Truth::Many(*b))));
        assert_eq!((accuracy(&counts), f1_macro(&counts)), (0.5, 2.0 / 3.0));
        assert_eq!(counts.of_label[&2], LabelCounts { hits: 0, support: 1, predicted: 1 });
        assert_eq!(Truth::Many(1 << 63 | 1).labels().collect::<Vec<_>>(), [0, 63]);
        assert!(Truth::Many(1 << 63).has(63) && !Truth::Many(u64::MAX).has(64));
    }

    #[test]
    fn metrics_have_names_of_their_own_in_order() {
        assert!(METRICS.is_sorted_by(|a, b| a.name < b.name));
    }
}
