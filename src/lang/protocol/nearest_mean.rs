//! NearestMean: the class whose training images have the nearest mean.

use super::{
    Protocol, ProtocolWord, Reads, Standardised, Target,
    target::{Classifies, Stated, classifies},
};
use crate::{
    dsl::OfFeatures,
    role::Role,
    spec::{Spec, check::Found},
    word::{Named, Word, word},
};

word! {
    "evaluate.protocol", "nearest_mean", revision 1;
    /// The class whose training images have the nearest mean, by Euclidean distance between features with mean 0 and SD 1
    /// over the training images.
    settings of NearestMean {
        /// How features of the target are put on the source's scale first, if they are.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        standardised: Option<Standardised>,
        /// Over which images votes are pooled, if they are.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pooled: Option<Role>,
    }
}
classifies!(NearestMean);

/// The class whose training images have the nearest mean.
#[derive(Clone, Copy, Debug)]
pub struct NearestMean;

impl Classifies for NearestMean {
    type Asks = OfFeatures;

    fn settings(self, stated: Stated) -> Settings {
        let Stated { standardised, pooled, .. } = stated;
        Settings { standardised, pooled }
    }
}

impl ProtocolWord for Settings {
    fn name(&self) -> String {
        Self::KIND.to_owned() + &self.target().suffix()
    }

    fn title(&self) -> String {
        "nearest class mean".to_owned() + &self.target().words()
    }

    /// The same: it standardises all features.
    fn of_standardised(&self) -> Protocol {
        self.clone().into()
    }

    fn of_untrained(&self) -> Protocol {
        self.clone().into()
    }

    fn reads(&self) -> Reads {
        Reads::TRAINING
    }

    fn target(&self) -> Target {
        Target { standardised: self.standardised, pooled: self.pooled }
    }
}

impl Word for Settings {
    fn check(&self, spec: &Spec, found: &mut Found) {
        self.target().check(Self::NAME, spec, found);
    }

    fn quick(&mut self, _: &Spec) {}
}
