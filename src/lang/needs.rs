//! What a loss needs of a batch.

use crate::{
    role::Role,
    spec::{OnMissing, Term},
};

/// The inputs of a loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// The images' labels.
    pub labels: bool,
    /// Independently augmented views of each image.
    pub views: usize,
    /// Small views of each image beside those.
    pub locals: Option<Locals>,
    /// Whether each image comes with another one of its treatment.
    pub pairs: Option<Pairs>,
    /// A second network that sees the large views.
    pub teacher: bool,
    /// Whether it trains a classifier that can be asked for the label of other images.
    pub classifier: bool,
}

/// Small views of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Locals {
    /// How many.
    pub count: usize,
    /// Their side, in pixels.
    pub side: usize,
}

/// Pairs of images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pairs {
    /// What the two differ in.
    pub across: Role,
    /// What is done with images for which there is none.
    pub on_missing: OnMissing,
}

impl Needs {
    /// The needs of a loss on unlabelled images: the start of a sum.
    pub const IMAGES: Self =
        Self { labels: false, views: 1, locals: None, pairs: None, teacher: false, classifier: false };

    /// The needs of two losses together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            labels: self.labels || other.labels,
            views: self.views.max(other.views),
            locals: self.locals.or(other.locals),
            pairs: self.pairs.or(other.pairs),
            teacher: self.teacher || other.teacher,
            classifier: self.classifier || other.classifier,
        }
    }

    /// Views of an image of the batch (and of its partner), as so many large ones of that side.
    pub fn large_views(&self, side: usize) -> f64 {
        let share = |locals: Locals| locals.count as f64 * (locals.side as f64 / side.max(1) as f64).powi(2);
        let images = if self.pairs.is_some() { 2.0 } else { 1.0 };
        images * (self.views as f64 + self.locals.map_or(0.0, share))
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
        assert_eq!(labels.and(views), Needs { labels: true, views: 2, ..Needs::IMAGES });
        let locals = Needs { locals: Some(Locals { count: 6, side: 96 }), teacher: true, ..Needs::IMAGES };
        assert_eq!((views.large_views(224), locals.large_views(96)), (2.0, 7.0));
        let all = Needs { labels: true, views: 2, ..locals };
        assert_eq!(labels.and(locals).and(views), all);
        let classifier = Needs { classifier: true, ..labels };
        assert_eq!(views.and(classifier), Needs { views: 2, ..classifier });
        assert_eq!(views.and(labels), labels.and(views));
        assert_eq!(Needs::of(&[]), Needs::IMAGES);
    }
}
