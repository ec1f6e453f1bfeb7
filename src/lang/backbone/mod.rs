//! What turns an image into features: every backbone there is.

mod conv_next;
mod dino_v2;
mod off_the_shelf;
mod res_net;

pub use conv_next::ConvNextSize;
pub use dino_v2::DinoV2Size;
pub use off_the_shelf::{NetworkFacts, NetworkModel, PhotographNorm, Published};
pub use res_net::ResNetSize;

use crate::{
    axis::axis,
    spec::{Spec, Weights},
};
use std::fmt;

axis! {
    /// Every backbone there is.
    pub enum Backbone: BackboneWord, Word(Spec) {
        ConvNext = conv_next::{ConvNext;},
        ResNet = res_net::{ResNet;},
        DinoV2 = dino_v2::{DinoV2;},
        OffTheShelf = off_the_shelf::{OffTheShelf;},
    }
    /// What a backbone answers.
    facts {
        /// Its name in prose, with its size: `ConvNeXt-Tiny`.
        fn title(&self) -> String;
        /// Whether it is here with its published weights alone, behind no adapter but ChannelReplication, and never
        /// trained.
        fn is_off_the_shelf(&self) -> bool;
        /// The weights that were published for its kind; of a ConvNeXt not for every size.
        fn published(&self) -> Weights;
        /// Whether there are such weights for it.
        fn starts_from(&self, weights: &Weights) -> bool;
        /// What `quick` trains in its place; none: a smaller one of its own kind.
        fn stand_in(&self) -> Option<Backbone>;
    }
}

impl fmt::Display for Backbone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.title())
    }
}

/// The sizes of backbones, as types.
pub(crate) mod size {
    pub use super::{conv_next::size::*, dino_v2::size::*, res_net::size::*};
}
