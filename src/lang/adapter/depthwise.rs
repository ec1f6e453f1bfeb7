//! Depthwise: filters for each channel, then pooling over channels.

use super::{AdapterWord, Enters, Models, Samples, View};
use crate::{
    dsl::{ExtendsToNewChannels, stem},
    spec::{
        Spec,
        bounds::{self, Bound},
        check::Found,
    },
    word::{Says, With, Word, word},
};
use serde::{Deserialize, Serialize};
use toml::Table;

word! {
    "model.adapter", "depthwise", revision 1;
    /// Each channel is filtered separately, then all are pooled into a fixed number of maps (CHAMMI, section
    /// 4.1; released `depthwiseconvnext`).
    ///
    /// CHAMMI: `Depthwise { kernels: 64 }`.
    pub struct Depthwise {
        /// Number of filters per channel.
        pub kernels: usize,
    }
    switches {
        /// How the channels' maps are pooled into one set of maps.
        pooling: Pooling = (weighted, average, weighted),
            "checkpoint config: weighted_sum_random; paper: averaging";
        /// Whether scale and shift of the instance norm are trained; in the released code they are in no
        /// parameter group of the optimiser.
        train_norm: bool = (false, true, true), "code: the norm's scale and shift are in no group of the optimiser";
    }
    by_hand {
        /// What happens to channels that were not trained on.
        new_channels: NewChannels = refuse, "code: nothing there reads other channels; say `.replicating()`";
    }
}
stem!(Depthwise, With<Depthwise>, Replicating);

/// How the maps of a set's channels are pooled into one set of maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// Weighted by the softmax of the set's entries in a learned vector (released `weighted_sum_random`).
    Weighted,
    /// Their mean, as in the paper's text.
    Average,
}

/// What happens to channels that were not trained on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NewChannels {
    /// They are refused.
    Refuse,
    /// They use the filters of trained channels: those with the same name if there are any, otherwise those
    /// of the trained names in turn. The paper mentions replication without a rule; this one is ours.
    Replicate,
}

/// A [`Depthwise`] whose filters are also used for new channels; written `.replicating()`.
#[derive(Clone, Copy, Debug)]
pub struct Replicating(With<Depthwise>);

impl Depthwise {
    /// Channels that were not trained on use the filters of trained ones: of the same name, otherwise in
    /// turn.
    pub fn replicating(self) -> Replicating {
        With::of(self).replicating()
    }
}

impl With<Depthwise> {
    /// Channels that were not trained on use the filters of trained ones: of the same name, otherwise in
    /// turn.
    pub fn replicating(self) -> Replicating {
        Replicating(self.stating(|stated| stated.new_channels = Some(NewChannels::Replicate)))
    }
}

impl Says for Replicating {
    fn table(self) -> Table {
        self.0.table()
    }
}

impl ExtendsToNewChannels for Replicating {}

impl AdapterWord for Settings {
    fn enters(&self) -> Enters {
        Enters::Maps
    }

    fn reads_unseen_sets(&self) -> bool {
        match self.new_channels {
            NewChannels::Refuse => false,
            NewChannels::Replicate => true,
        }
    }

    fn sizes(&self) -> Vec<(Bound, usize)> {
        vec![(bounds::KERNELS, self.kernels)]
    }

    fn trains(&self) -> bool {
        true
    }

    fn models(&self) -> Models<'_> {
        Models::One
    }

    fn view(&self) -> View {
        View::Resized
    }

    fn has_the_same_planes(&self) -> bool {
        false
    }

    fn samples(&self) -> Samples {
        Samples::Images
    }
}

impl Word for Settings {
    fn check(&self, _: &Spec, _: &mut Found) {}

    // Its filters add little to the cost of a small backbone.
    fn quick(&mut self, _: &Spec) {}
}
