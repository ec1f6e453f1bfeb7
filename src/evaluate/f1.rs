//! Accuracy and F1 as computed by the published evaluator (CHAMMI evaluator, `morphem/`; scikit-learn's
//! averages).

use std::collections::BTreeMap;

/// The scores of one label.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassCounts {
    /// The label.
    pub label: u16,
    /// Precision; 0 if the label was never predicted.
    pub precision: f64,
    /// Recall.
    pub recall: f64,
    /// Harmonic mean of the two; 0 if both are 0.
    pub f1: f64,
    /// Number of images with this label.
    pub support: u32,
}

/// The scores of one list of predictions.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Share of correct predictions.
    pub accuracy: f64,
    /// Unweighted mean F1 over the labels that occur in the truth. A label that is only predicted counts as a
    /// miss of the true one and has no other effect.
    pub f1_macro: f64,
    /// Every label of the truth, in ascending order.
    pub per_class: Vec<ClassCounts>,
}

/// Scores a list of predictions.
///
/// # Panics
/// If the lists differ in length or are empty.
pub fn summarise(truth: &[u16], predicted: &[u16]) -> Summary {
    assert_eq!(truth.len(), predicted.len(), "one prediction for each image");
    assert!(!truth.is_empty(), "an empty task has no score");
    let mut counts: BTreeMap<u16, [u32; 3]> = BTreeMap::new();
    const HIT: usize = 0;
    const SUPPORT: usize = 1;
    const PREDICTED: usize = 2;
    for label in truth {
        counts.entry(*label).or_default()[SUPPORT] += 1;
    }
    for (truth, predicted) in truth.iter().zip(predicted) {
        if let Some(count) = counts.get_mut(predicted) {
            count[PREDICTED] += 1;
            count[HIT] += u32::from(truth == predicted);
        }
    }
    let per_class: Vec<ClassCounts> = counts
        .iter()
        .map(|(label, &[hit, support, predicted])| {
            let share =
                |part: u32, whole: u32| if whole == 0 { 0.0 } else { f64::from(part) / f64::from(whole) };
            ClassCounts {
                label: *label,
                precision: share(hit, predicted),
                recall: share(hit, support),
                f1: share(2 * hit, support + predicted),
                support,
            }
        })
        .collect();
    let hits = truth.iter().zip(predicted).filter(|(truth, predicted)| truth == predicted).count();
    Summary {
        accuracy: hits as f64 / truth.len() as f64,
        f1_macro: per_class.iter().map(|class| class.f1).sum::<f64>() / per_class.len() as f64,
        per_class,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_outside_the_truth_are_misses_and_nothing_else() {
        let summary = summarise(&[4, 4, 4, 5, 5, 6], &[4, 0, 5, 5, 1, 5]);
        assert!((summary.f1_macro - 0.3).abs() < 1e-12, "the specification's example: {}", summary.f1_macro);
        assert!((summary.accuracy - 2.0 / 6.0).abs() < 1e-12);
        let labels: Vec<u16> = summary.per_class.iter().map(|class| class.label).collect();
        assert_eq!(labels, [4, 5, 6]);
        let five = summary.per_class[1];
        assert_eq!((five.precision, five.recall, five.support), (1.0 / 3.0, 0.5, 2));
        assert_eq!(summary.per_class[2].f1, 0.0);
    }
}
