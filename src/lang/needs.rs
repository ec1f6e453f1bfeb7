//! What a loss needs of a batch.

use crate::spec::Term;

/// What must be there before a loss can be computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// The images' labels.
    pub labels: bool,
    /// Independently augmented views of each image.
    pub views: usize,
}

impl Needs {
    /// Of a loss that looks at images as they are: what a sum starts from.
    pub const IMAGES: Self = Self { labels: false, views: 1 };

    /// Of two losses together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { labels: self.labels || other.labels, views: self.views.max(other.views) }
    }

    /// Of a weighted sum.
    pub fn of(objective: &[Term]) -> Self {
        objective.iter().map(|term| term.loss.needs()).fold(Self::IMAGES, Self::and)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_needs_what_any_of_its_terms_needs() {
        let labels = Needs { labels: true, views: 1 };
        let views = Needs { labels: false, views: 2 };
        assert_eq!(labels.and(views), Needs { labels: true, views: 2 });
        assert_eq!(views.and(labels), labels.and(views));
        assert_eq!(Needs::of(&[]), Needs::IMAGES);
    }
}
