//! SliceParam: a bank of slices by channel name.

use super::{AdapterWord, Enters, FirstLayer, Models, Samples, View};
use crate::{
    dsl::stem,
    spec::{Spec, bounds::Bound, check::Found},
    word::{With, Word, word},
};
use serde::{Deserialize, Serialize};

word! {
    "model.adapter", "slice_param", revision 1;
    /// A bank with one slice of the stem for each channel name (CHAMMI, section 4.1; released `sliceparamconvnext`).
    pub struct SliceParam;
    switches {
        /// Initial weights of the bank.
        first_layer: FirstLayer = pad_duplicates, "checkpoint config: pretrained_pad_dups";
        /// What is added to a slice for each channel of each set.
        class_embedding: ClassEmbedding = (noise, none, learned),
            "checkpoint config: on, code: never trained; paper: filters per channel";
        /// Whether all channel names share one slice (released `duplicate`).
        one_slice: bool = false, "checkpoint config: duplicate off";
    }
}
stem!(SliceParam, With<SliceParam>);

/// What is added to a channel's slice of the bank, separately for each channel of each set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClassEmbedding {
    /// Nothing.
    None,
    /// Learned filters.
    Learned,
    /// Random filters that never change, as in the released code, whose optimiser does not receive them.
    Noise,
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

    fn quick(&mut self, _: &Spec) {}
}
