//! HyperNet: a network that generates the stem's filters.

use super::{AdapterWord, Enters, Models, Samples, View};
use crate::{
    dsl::stem,
    spec::{
        Spec,
        bounds::{self, Bound},
        check::Found,
    },
    word::{With, Word, word},
};
use serde::{Deserialize, Serialize};

word! {
    "model.adapter", "hyper_net", revision 1;
    /// A small network generates the stem filter of each channel (CHAMMI, section 4.1; Ha et al. 2016;
    /// released `hyperconvnext`).
    ///
    /// CHAMMI: `HyperNet { z: 128, hidden: 256 }`.
    pub struct HyperNet {
        /// Width of a channel's embedding.
        pub z: usize,
        /// Width of the hidden layer.
        pub hidden: usize,
    }
    switches {
        /// Which channels share an embedding.
        embeddings: Embeddings = per_set, "code: hyperconvnext with separate embeddings";
    }
}
stem!(HyperNet, With<HyperNet>);

/// Width of the embeddings in `quick`.
const SMALL_Z: usize = 32;
/// Width of the hidden layer in `quick`.
const SMALL_HIDDEN: usize = 64;

/// Which channels share an embedding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Embeddings {
    /// One per channel of each set (the released configuration).
    PerSet,
    /// One per channel name: the nucleus channels of three sets share a row of the bank.
    Shared,
}

impl HyperNet {
    /// One embedding per channel *name*, instead of one per channel of each set.
    pub fn shared(self) -> With<Self> {
        self.embeddings(Embeddings::Shared)
    }
}

impl AdapterWord for Settings {
    fn enters(&self) -> Enters {
        Enters::Maps
    }

    fn reads_unseen_sets(&self) -> bool {
        false
    }

    fn sizes(&self) -> Vec<(Bound, usize)> {
        vec![(bounds::HYPERNET_Z, self.z), (bounds::HYPERNET_HIDDEN, self.hidden)]
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

    fn quick(&mut self, _: &Spec) {
        (self.z, self.hidden) = (self.z.min(SMALL_Z), self.hidden.min(SMALL_HIDDEN));
    }
}
