//! FixedChannels: one model per set.

use super::{AdapterWord, Enters, FirstLayer, Models, Samples, View};
use crate::{
    dsl::{OneModelPerSet, stem},
    spec::{Spec, bounds::Bound, check::Found, quick},
    word::{With, Word, word},
};
use serde::{Deserialize, Serialize};

word! {
    "model.adapter", "fixed_channels", revision 1;
    /// One model per set, with as many inputs as the set has channels (CHAMMI, section 4.1).
    pub struct FixedChannels;
    switches {
        /// Initial weights of the first layers.
        first_layer: FirstLayer = pad_average, "checkpoint configs: pretrained_pad_avg";
    }
    elsewhere {
        /// Learning rates of single sets' models, by set.
        rates: Vec<SetRate> = [], "as the file says with `.lr_on(…)`";
    }
}
stem!(FixedChannels, With<FixedChannels>);
impl OneModelPerSet for FixedChannels {}
impl OneModelPerSet for With<FixedChannels> {}

/// The learning rate of one set's model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetRate {
    /// The set: `Allen`.
    pub set: String,
    /// Its peak learning rate.
    pub lr: f64,
}

impl AdapterWord for Settings {
    fn enters(&self) -> Enters {
        Enters::Maps
    }

    fn reads_unseen_sets(&self) -> bool {
        false
    }

    fn sizes(&self) -> Vec<(Bound, usize)> {
        Vec::new()
    }

    fn trains(&self) -> bool {
        true
    }

    fn models(&self) -> Models<'_> {
        let each = Self { first_layer: self.first_layer, rates: vec![] };
        Models::OnePerSet { rates: &self.rates, each: Box::new(each.into()) }
    }

    fn view(&self) -> View {
        View::Resized
    }

    fn has_the_same_planes(&self) -> bool {
        true
    }

    fn samples(&self) -> Samples {
        Samples::Images
    }
}

impl Word for Settings {
    fn check(&self, _: &Spec, found: &mut Found) {
        for rate in &self.rates {
            let what = format!("a learning rate for `{}`", rate.set);
            found.above_zero("set_rate", &what, rate.lr, "CHAMMI: 1e-4 to 1e-3");
        }
    }

    fn quick(&mut self, _: &Spec) {
        self.rates.iter_mut().for_each(|rate| rate.lr *= quick::LR);
    }
}
