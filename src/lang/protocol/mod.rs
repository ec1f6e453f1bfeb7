//! Scoring protocols: the axis and the facts of each.

mod accuracy;
mod knn;
mod linear_probe;
mod logistic;
mod nearest_mean;
mod one_nn;
mod target;

pub use linear_probe::{ProbeSchedule, Select};
pub use one_nn::Metric;
pub use target::{Standardised, Target};

use crate::{
    axis::axis,
    spec::{Features, Spec},
    word::Named,
};
use settings::{LinearProbe, Logistic};

axis! {
    /// The protocols.
    pub enum Protocol: ProtocolWord, Word(Spec) {
        OneNn = one_nn::{OneNn;},
        Accuracy = accuracy::{Accuracy;},
        NearestMean = nearest_mean::{NearestMean;},
        Logistic = logistic::{Logistic;},
        Knn = knn::{Knn;},
        LinearProbe = linear_probe::{LinearProbe;},
    }
    /// The facts of a protocol.
    facts {
        /// The name in the store and in JSON: `one_nn_cosine`.
        fn name(&self) -> String;
        /// The name for readers: `1-NN cosine`.
        fn title(&self) -> String;
        /// How it scores standardised features, such as the hand-made floor's.
        fn of_standardised(&self) -> Protocol;
        /// How it scores the features of a network that was not trained, and so has no trained classifier.
        fn of_untrained(&self) -> Protocol;
        /// What it reads besides the features of the images that are asked.
        fn reads(&self) -> Reads;
        /// What is done to the images that are asked, around the classifier.
        fn target(&self) -> Target;
    }
}

/// What a protocol reads besides the features of the images that are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reads {
    /// The classifier that was trained with the model.
    pub head: bool,
    /// Features of the images that it was trained on.
    pub training_features: bool,
}

impl Reads {
    /// Nothing else: training images of the target's own sets answer.
    pub const FEATURES: Self = Self { head: false, training_features: false };
    /// Features of the images that the model was trained on.
    pub const TRAINING: Self = Self { head: false, training_features: true };

    /// Whether the model's training images answer, and not those of the target's own sets.
    pub fn of_source(self) -> bool {
        self.head || self.training_features
    }
}

impl Protocol {
    /// How it scores these features.
    pub fn of_features(&self, features: Features) -> Self {
        match features {
            Features::HandMade | Features::HandMadeStandardised => self.of_standardised(),
            Features::Untrained => self.of_untrained(),
            Features::Model | Features::Constant | Features::Prior => self.clone(),
        }
    }

    /// The title of a protocol by its [name](Self::name) in the store; an unknown name is returned unchanged.
    pub fn title_of(name: &str) -> String {
        let one_nn = one_nn::ALL.into_iter().map(Self::from).find(|protocol| protocol.name() == name);
        if let Some(known) = one_nn {
            return known.title();
        }
        if let Some(title) = name.strip_prefix(LinearProbe::KIND).and_then(linear_probe::title) {
            return title;
        }
        of_source(name).unwrap_or_else(|| name.into())
    }

    /// Whether what a model was trained on answers in the protocol with this name in the store.
    pub fn is_of_source(name: &str) -> bool {
        of_source(name).is_some()
    }
}

/// The title of a protocol that reads what a model was trained on, by its name.
fn of_source(name: &str) -> Option<String> {
    let of_target = |target: Target| Some(base(name.strip_suffix(&target.suffix())?)? + &target.words());
    Target::all().find_map(of_target)
}

/// The title of a classifier of which nothing else is said.
fn base(name: &str) -> Option<String> {
    match name {
        "accuracy" => Some("trained classifier".into()),
        "accuracy_tent" => Some("trained classifier, entropy minimised".into()),
        "nearest_mean" => Some("nearest class mean".into()),
        _ => match name.strip_prefix("knn_") {
            Some(middle) => knn::title(middle),
            None => logistic::title(name.strip_prefix("logistic")?),
        },
    }
}

#[cfg(test)]
mod tests;
