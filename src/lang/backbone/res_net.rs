//! ResNet: off the shelf.

use super::{Backbone, BackboneWord, conv_next};
use crate::{
    dsl::{ImageNet1k, Size, WeightsFor, sizes},
    spec::{Spec, Weights, check::Found},
    word::{Word, word},
};
use serde::{Deserialize, Serialize};
use std::marker::PhantomData;

word! {
    "model.backbone", "res_net", revision 1;
    /// ResNet (He et al. 2016) as torchvision has it. Off the shelf only.
    settings of ResNet {
        /// Its depth.
        size: ResNetSize,
    }
}

/// ResNet (He et al. 2016), as torchvision has it: `ResNet::r18().pretrained(ImageNet1k)`.
///
/// Off the shelf only: behind `ChannelReplication`, and `.frozen()`.
#[derive(Clone, Copy, Debug)]
pub struct ResNet<S>(PhantomData<S>);

sizes! {
    ResNet: ResNetSize {
        r18: R18, "512 features for each channel, 11 million parameters.";
        r50: R50, "2048 features for each channel, 24 million parameters.";
    }
}

impl<S: Size> WeightsFor<ResNet<S>> for ImageNet1k {}

/// Depth of a ResNet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResNetSize {
    /// 2, 2, 2, 2 basic blocks, 512 features.
    R18,
    /// 3, 4, 6, 3 bottlenecks, 2048 features.
    R50,
}

impl BackboneWord for Settings {
    fn title(&self) -> String {
        match self.size {
            ResNetSize::R18 => "ResNet-18".into(),
            ResNetSize::R50 => "ResNet-50".into(),
        }
    }

    fn is_off_the_shelf(&self) -> bool {
        true
    }

    fn published(&self) -> Weights {
        Weights::ImageNet1k
    }

    fn starts_from(&self, weights: &Weights) -> bool {
        match weights {
            Weights::ImageNet1k | Weights::Scratch => true,
            Weights::ImageNet22k
            | Weights::Lvd142m
            | Weights::Published
            | Weights::File { .. }
            | Weights::SimulatedPretrain
            | Weights::SimulatedPretrainLong => false,
        }
    }

    fn exists(&self) -> Result<(), String> {
        Ok(())
    }

    fn stand_in(&self) -> Option<Backbone> {
        Some(conv_next::Settings::STAND_IN.into())
    }
}

impl Word for Settings {
    fn check(&self, _: &Spec, _: &mut Found) {}

    fn quick(&mut self, _: &Spec) {}
}
