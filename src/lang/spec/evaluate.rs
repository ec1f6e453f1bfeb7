//! How a model is scored.

use super::DataRef;
use serde::{Deserialize, Serialize};

/// One protocol on one data set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evaluate {
    /// The classifier on top of the features.
    pub protocol: Protocol,
    /// The images.
    pub data: DataRef,
}

/// Every protocol there is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Protocol {
    /// The label of the nearest training image (CHAMMI, section 3.3).
    OneNn {
        /// What "nearest" means.
        metric: Metric,
    },
}

impl Protocol {
    /// The name in the store and in JSON: `one_nn_cosine`.
    pub fn name(&self) -> String {
        match self {
            Self::OneNn { metric } => format!("one_nn_{}", metric.name()),
        }
    }

    /// The name for people: `1-NN cosine`.
    pub fn title(&self) -> String {
        match self {
            Self::OneNn { metric } => format!("1-NN {}", metric.name()),
        }
    }

    /// The name for people of a protocol by its [name](Self::name) in the store. One that this program does not know keeps
    /// its name.
    pub fn title_of(name: &str) -> String {
        let known = Self::ALL.iter().find(|protocol| protocol.name() == name);
        known.map_or_else(|| name.into(), Self::title)
    }

    /// Every protocol with each of its settings.
    const ALL: [Self; 2] = [Self::OneNn { metric: Metric::Cosine }, Self::OneNn { metric: Metric::L2 }];
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_the_store_has_a_name_for_people() {
        assert_eq!(Protocol::title_of("one_nn_cosine"), "1-NN cosine");
        assert_eq!(Protocol::title_of("one_nn_l2"), "1-NN l2");
        assert_eq!(Protocol::title_of("of_a_later_program"), "of_a_later_program");
    }
}
