//! TargetParam: one first layer per set.

use super::{AdapterWord, Enters, FirstLayer, Models, Samples, View};
use crate::{
    dsl::stem,
    spec::{Spec, bounds::Bound, check::Found},
    word::{With, Word, word},
};

word! {
    "model.adapter", "target_param", revision 1;
    /// One first layer per set in front of a shared backbone (CHAMMI, section 4.1; released
    /// `shared_convnext`).
    pub struct TargetParam;
    switches {
        /// Initial weights of the first layers.
        first_layer: FirstLayer = pad_average, "checkpoint config: pretrained_pad_avg";
    }
}
stem!(TargetParam, With<TargetParam>);

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
