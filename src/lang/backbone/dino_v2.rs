//! DinoV2: off the shelf.

use super::{Backbone, BackboneWord, conv_next};
use crate::{
    dsl::{Lvd142m, Size, WeightsFor, sizes},
    spec::{Spec, Weights, check::Found},
    word::{Word, word},
};
use serde::{Deserialize, Serialize};
use std::marker::PhantomData;

word! {
    "model.backbone", "dino_v2", revision 1;
    /// The vision transformer of DINOv2 (Oquab et al. 2023; Darcet et al. 2023). Off the shelf only.
    settings of DinoV2 {
        /// Its width, and whether it has registers.
        size: DinoV2Size,
    }
}

/// The vision transformer of DINOv2 (Oquab et al. 2023): `DinoV2::small_reg().pretrained(Lvd142m)`.
///
/// Off the shelf only: with `ChannelReplication` and `.frozen()`.
#[derive(Clone, Copy, Debug)]
pub struct DinoV2<S>(PhantomData<S>);

sizes! {
    DinoV2: DinoV2Size {
        small_reg: SmallReg, "ViT-S/14 with four registers: 384 features for each channel, 22 million parameters.";
    }
}

impl<S: Size> WeightsFor<DinoV2<S>> for Lvd142m {}

/// A vision transformer of DINOv2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DinoV2Size {
    /// ViT-S/14 with four registers: 12 blocks, 384 features.
    SmallReg,
}

impl BackboneWord for Settings {
    fn title(&self) -> String {
        match self.size {
            DinoV2Size::SmallReg => "DINOv2 ViT-S/14 with registers".into(),
        }
    }

    fn is_off_the_shelf(&self) -> bool {
        true
    }

    fn published(&self) -> Weights {
        Weights::Lvd142m
    }

    fn starts_from(&self, weights: &Weights) -> bool {
        match weights {
            Weights::Lvd142m | Weights::Scratch => true,
            Weights::ImageNet22k
            | Weights::ImageNet1k
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
