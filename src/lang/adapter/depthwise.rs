//! Depthwise: filters for each channel, then pooling over channels.

use super::{AdapterWord, Enters, Models, View};
use crate::{
    dsl::{ExtendsToNewChannels, stem},
    spec::{Spec, check::Found},
    word::{Says, With, Word, word},
};
use serde::{Deserialize, Serialize};
use toml::Table;

word! {
    "model.adapter", "depthwise", revision 1;
    /// Each channel is filtered on its own, then all are pooled into the same number of maps (CHAMMI, section 4.1;
    /// released `depthwiseconvnext`).
    ///
    /// CHAMMI: `Depthwise { kernels: 64 }`.
    pub struct Depthwise {
        /// Filters of each channel.
        pub kernels: usize,
    }
    switches {
        /// How the channels' maps become one set of maps.
        pooling: Pooling = (weighted, average, weighted),
            "checkpoint config: weighted_sum_random; paper: averaging";
        /// Whether scale and shift of the instance norm learn; in the released code they are in no group of the
        /// optimiser.
        train_norm: bool = (false, true, true), "code: the norm's scale and shift are in no group of the optimiser";
    }
    by_hand {
        /// What happens to channels that were not trained on.
        new_channels: NewChannels = refuse, "code: nothing there reads other channels; say `.replicating()`";
    }
}
stem!(Depthwise, With<Depthwise>, Replicating);

/// How the maps of a set's channels become one set of maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// Weighted by the softmax over the set's entries of a learned vector (released `weighted_sum_random`).
    Weighted,
    /// Their mean, as the paper's text says.
    Average,
}

/// What happens to channels that were not trained on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NewChannels {
    /// They are refused.
    Refuse,
    /// They take over filters of trained channels: of the same name where there is one, else of the trained names in
    /// turn. The paper names replication and no rule; this one is ours.
    Replicate,
}

/// A [`Depthwise`] whose filters serve new channels too; said as `.replicating()`.
#[derive(Clone, Copy, Debug)]
pub struct Replicating(With<Depthwise>);

impl Depthwise {
    /// Channels that were not trained on take over filters of trained ones: of the same name, else in turn.
    pub fn replicating(self) -> Replicating {
        With::of(self).replicating()
    }
}

impl With<Depthwise> {
    /// Channels that were not trained on take over filters of trained ones: of the same name, else in turn.
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

    fn trains(&self) -> bool {
        true
    }

    fn models(&self) -> Models<'_> {
        Models::One
    }

    fn view(&self) -> View {
        View::Resized
    }
}

impl Word for Settings {
    fn check(&self, _: &Spec, found: &mut Found) {
        let message = || "expected at least one filter for each channel of Depthwise, found 0".into();
        found.unless(self.kernels > 0, "depthwise_kernels", message, "CHAMMI: 64");
    }

    // What its filters add to a small backbone costs little.
    fn quick(&mut self, _: &Spec) {}
}
