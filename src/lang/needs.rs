//! What a loss needs of a batch.

use crate::spec::Term;

/// The inputs of a loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// The images' labels.
    pub labels: bool,
    /// Independently augmented views of each image.
    pub views: usize,
    /// Whether it trains a classifier that can be asked for the label of other images.
    pub classifier: bool,
}

impl Needs {
    /// The needs of a loss on unlabelled images: the start of a sum.
    pub const IMAGES: Self = Self { labels: false, views: 1, classifier: false };

    /// The needs of two losses together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            labels: self.labels || other.labels,
            views: self.views.max(other.views),
            classifier: self.classifier || other.classifier,
        }
    }

    /// The needs of a weighted sum.
    pub fn of(objective: &[Term]) -> Self {
        objective.iter().map(|term| term.loss.needs()).fold(Self::IMAGES, Self::and)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_needs_what_any_of_its_terms_needs() {
        let labels = Needs { labels: true, ..Needs::IMAGES };
        let views = Needs { views: 2, ..Needs::IMAGES };
        assert_eq!(labels.and(views), Needs { labels: true, views: 2, classifier: false });
        let classifier = Needs { classifier: true, ..labels };
        assert_eq!(views.and(classifier), Needs { views: 2, ..classifier });
        assert_eq!(views.and(labels), labels.and(views));
        assert_eq!(Needs::of(&[]), Needs::IMAGES);
    }
}
