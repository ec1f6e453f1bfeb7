//! Accuracy: the label that the trained classifier finds likeliest.

use super::{
    Logistic, Protocol, ProtocolWord, Reads, Standardised, Target,
    target::{Classifies, Stated, classifies},
};
use crate::{
    dsl::OfClassifier,
    role::Role,
    spec::{Spec, check::Found},
    word::{Named, With, Word, word},
};

word! {
    "evaluate.protocol", "accuracy", revision 1;
    /// The label that the trained classifier finds likeliest, image by image (CODA, section 4). Labels that the classifier
    /// does not know count as wrong.
    settings of Accuracy {
        /// Whether scale and shift of each feature are adapted to the target by minimising the entropy of predictions.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        tent: bool,
        /// How features of the target are put on the source's scale first, if they are.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        standardised: Option<Standardised>,
        /// Over which images votes are pooled, if they are.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pooled: Option<Role>,
    }
}
classifies!(Accuracy);

/// The label that the trained classifier finds likeliest, image by image (CODA, section 4).
#[derive(Clone, Copy, Debug)]
pub struct Accuracy;

impl Classifies for Accuracy {
    type Asks = OfClassifier;

    fn settings(self, stated: Stated) -> Settings {
        let Stated { standardised, pooled, .. } = stated;
        Settings { tent: stated.tent, standardised, pooled }
    }
}

impl Accuracy {
    /// Minimises the entropy of the predictions on the target before they are counted, after TENT (Wang et al. 2021):
    /// scale and shift of each penultimate feature are adapted, one pair for all of the target, by full-batch steps from
    /// the features' own. TENT adapts those of the network's normalisations, layer by layer; here the network stays as it
    /// is.
    pub fn tent(self) -> With<Self> {
        With::of(self).tent()
    }
}

impl With<Accuracy> {
    /// Minimises the entropy of the predictions on the target before they are counted; see [`Accuracy::tent`].
    pub fn tent(self) -> Self {
        self.stating(|stated| stated.tent = true)
    }
}

impl ProtocolWord for Settings {
    fn name(&self) -> String {
        format!("{}{}{}", Self::KIND, if self.tent { "_tent" } else { "" }, self.target().suffix())
    }

    fn title(&self) -> String {
        let tent = if self.tent { ", entropy minimised" } else { "" };
        format!("trained classifier{tent}{}", self.target().words())
    }

    /// By a logistic regression on the source's images.
    fn of_standardised(&self) -> Protocol {
        Logistic { standardised: self.standardised, pooled: self.pooled, ..Logistic::default() }.into()
    }

    fn of_untrained(&self) -> Protocol {
        self.of_standardised()
    }

    fn reads(&self) -> Reads {
        Reads { head: true, training_features: self.standardised.is_some() || self.tent }
    }

    fn target(&self) -> Target {
        Target { standardised: self.standardised, pooled: self.pooled }
    }
}

impl Word for Settings {
    fn check(&self, spec: &Spec, found: &mut Found) {
        self.target().check(Self::NAME, spec, found);
        let last = spec.train.stages.last();
        let on_top = spec.classifier.as_ref().map(|classifier| &classifier.stage);
        let learned = on_top.or(last);
        let trains = learned.is_some_and(|stage| crate::needs::Needs::of(&stage.objective).classifier);
        let message = || match last {
            None => "Accuracy asks the trained classifier, and nothing is trained".into(),
            Some(stage) => {
                let losses: Vec<&str> = stage.objective.iter().map(|term| term.loss.word()).collect();
                let losses = losses.join(" and ");
                format!("Accuracy asks the trained classifier, and the last stage trains none: {losses}")
            }
        };
        let hint = "say `.loss(CrossEntropy)`, or fit a classifier on the features: `Logistic.on(…)`, `NearestMean.on(…)`, \
                    `OneNn::cosine().on(…)`";
        found.unless(trains, "accuracy_without_classifier", message, hint);
        let message = || format!("Accuracy asks one classifier, and features are {}", spec.embedding);
        let hint = "leave `.ensemble(…)` out, or say `Logistic.on(…)`";
        found.unless(spec.embedding.members == 1, "accuracy_of_ensemble", message, hint);
    }

    fn quick(&mut self, _: &Spec) {}
}
