//! Backbones: the axis and the facts of each.

mod conv_next;
mod dino_v2;
mod off_the_shelf;
mod res_net;
mod vit;

pub use conv_next::ConvNextSize;
pub use dino_v2::DinoV2Size;
pub use off_the_shelf::{NetworkFacts, NetworkModel, Published, RgbNorm};
pub use res_net::ResNetSize;
pub use vit::{PositionResize, VitFeatures, VitSize};

use crate::{
    axis::axis,
    spec::{Spec, Weights},
};
use std::fmt;

axis! {
    /// The backbones.
    pub enum Backbone: BackboneWord, Word(Spec) {
        ConvNext = conv_next::{ConvNext;},
        Vit = vit::{Vit, OwnShape; VitFeatures, PositionResize},
        ResNet = res_net::{ResNet;},
        DinoV2 = dino_v2::{DinoV2;},
        OffTheShelf = off_the_shelf::{OffTheShelf;},
    }
    /// The facts of a backbone.
    facts {
        /// Its name in prose, with its size: `ConvNeXt-Tiny`.
        fn title(&self) -> String;
        /// Whether it is used only with its published weights and ChannelReplication, and never trained.
        fn is_off_the_shelf(&self) -> bool;
        /// The weights published for this kind of backbone; for a ConvNeXt, not for every size. [`Weights::Scratch`]: none
        /// are read here.
        fn published(&self) -> Weights;
        /// Whether it can start from these weights.
        fn starts_from(&self, weights: &Weights) -> bool;
        /// Refuses settings of which no network can be made, which a file from elsewhere may have.
        fn exists(&self) -> Result<(), String>;
        /// What `quick` trains instead of it; `None`: a smaller one of its own kind.
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
    pub use super::{conv_next::size::*, dino_v2::size::*, res_net::size::*, vit::size as vit};
}
