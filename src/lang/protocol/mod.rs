//! Scoring protocols: the axis and the facts of each.

mod one_nn;

use crate::{axis::axis, spec::Spec};

axis! {
    /// The protocols.
    pub enum Protocol: ProtocolWord, Word(Spec) {
        OneNn = one_nn::{OneNn;},
    }
    /// The facts of a protocol.
    facts {
        /// The name in the store and in JSON: `one_nn_cosine`.
        fn name(&self) -> String;
        /// The name for readers: `1-NN cosine`.
        fn title(&self) -> String;
        /// How it scores standardised features, such as the hand-made floor's.
        fn of_standardised(&self) -> Protocol;
    }
}

pub use one_nn::Metric;

impl Protocol {
    /// The title of a protocol by its [name](Self::name) in the store; an unknown name is returned unchanged.
    pub fn title_of(name: &str) -> String {
        let known = Self::all().find(|protocol| protocol.name() == name);
        known.map_or_else(|| name.into(), |protocol| protocol.title())
    }

    /// Each with all its possible settings.
    fn all() -> impl Iterator<Item = Self> {
        one_nn::ALL.into_iter().map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_protocol_has_a_title() {
        for word in Protocol::WORDS {
            assert!(
                Protocol::all().any(|protocol| protocol.kind() == word.kind),
                "{} is not listed",
                word.name
            );
        }
    }

    #[test]
    fn a_name_of_the_store_has_a_title() {
        assert_eq!(Protocol::title_of("one_nn_cosine"), "1-NN cosine");
        assert_eq!(Protocol::title_of("one_nn_l2"), "1-NN l2");
        assert_eq!(Protocol::title_of("of_a_later_program"), "of_a_later_program");
    }
}
