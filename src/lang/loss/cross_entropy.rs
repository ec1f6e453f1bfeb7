//! CrossEntropy: a linear classifier.

use super::{Loss, LossWord};
use crate::{
    dsl::{Answers, OfClassifier, loss},
    needs::Needs,
    spec::{InStage, check::Found, recipe::Recipe},
    word::{StageWord, word},
};

word! {
    "train.objective", "cross_entropy", revision 1;
    /// A linear classifier over all classes of the training sets, and the cross-entropy of its softmax.
    pub struct CrossEntropy;
}
loss!(Labels: CrossEntropy);
impl Answers<OfClassifier> for CrossEntropy {}

impl LossWord for Settings {
    fn needs(&self) -> Needs {
        Needs { labels: true, classifier: true, ..Needs::IMAGES }
    }

    fn in_mix(&self, _: Recipe) -> Loss {
        self.clone().into()
    }
}

impl StageWord for Settings {
    fn check(&self, _: &InStage<'_>, _: &mut Found) {}

    fn quick(&mut self, _: &InStage<'_>) {}
}
