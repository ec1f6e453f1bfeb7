//! OneNn: the label of the nearest training image.

use super::{Protocol, ProtocolWord, Reads, Target};
use crate::{
    dsl::{DataWord, Evaluation, OfFeatures, On},
    spec::{Selection, Spec, check::Found},
    word::{Named, Says, Word, word},
};
use serde::{Deserialize, Serialize};
use toml::Table;

word! {
    "evaluate.protocol", "one_nn", revision 2;
    /// The label of the nearest training image (CHAMMI, section 3.3).
    pub struct OneNn {
        /// What "nearest" means.
        metric: Metric,
    }
}

/// What "nearest" means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Largest cosine. The paper's.
    Cosine,
    /// Smallest Euclidean distance. The default of the published evaluator.
    L2,
}

impl Metric {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cosine => "cosine",
            Self::L2 => "l2",
        }
    }
}

impl OneNn {
    /// Nearest by cosine, as in the paper.
    pub const fn cosine() -> Self {
        Self { metric: Metric::Cosine }
    }

    /// Nearest by Euclidean distance, the default of the published evaluator.
    pub const fn l2() -> Self {
        Self { metric: Metric::L2 }
    }

    /// On all tasks of these images.
    pub fn on<T: DataWord>(self, data: T) -> On<Self, T> {
        On(self, data)
    }
}

impl<T: DataWord> Evaluation for On<OneNn, T> {
    type Data = T;
    type Asks = OfFeatures;

    fn protocol(&self) -> Table {
        self.0.table()
    }

    fn data(&self) -> Selection {
        self.1.data()
    }
}

/// All possible settings.
pub(super) const ALL: [Settings; 2] = [Settings { metric: Metric::Cosine }, Settings { metric: Metric::L2 }];

impl ProtocolWord for Settings {
    fn name(&self) -> String {
        format!("{}_{}", Self::KIND, self.metric.name())
    }

    fn title(&self) -> String {
        format!("1-NN {}", self.metric.name())
    }

    /// By distance, whatever the metric: deviations are equal already.
    fn of_standardised(&self) -> Protocol {
        Self { metric: Metric::L2 }.into()
    }

    fn of_untrained(&self) -> Protocol {
        self.clone().into()
    }

    fn reads(&self) -> Reads {
        Reads::FEATURES
    }

    fn target(&self) -> Target {
        Target::default()
    }
}

impl Word for Settings {
    fn check(&self, _: &Spec, _: &mut Found) {}

    fn quick(&mut self, _: &Spec) {}
}
