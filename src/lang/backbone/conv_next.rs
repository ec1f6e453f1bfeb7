//! ConvNext: the convolutional network that is trained here.

use super::{Backbone, BackboneWord};
use crate::{
    dsl::{ImageNet22k, LearnsHere, Simulated, SimulatedLong, Size, WeightsFor, sizes},
    spec::{Spec, Weights, check::Found},
    word::{Word, word},
};
use serde::{Deserialize, Serialize};
use std::marker::PhantomData;

word! {
    "model.backbone", "conv_next", revision 1;
    /// ConvNeXt (Liu et al. 2022), with timm's names and sizes.
    settings of ConvNext {
        /// Depths and widths.
        size: ConvNextSize,
    }
    elsewhere {
        /// Probability of dropping the residual branch of the last block; it decreases linearly to the first.
        /// CHAMMI: 0.
        drop_path: f64 = 0.0, "code: drop path 0";
    }
}

/// ConvNeXt (Liu et al. 2022), in timm's sizes: `ConvNext::tiny()` is the one of the CHAMMI paper.
#[derive(Clone, Copy, Debug)]
pub struct ConvNext<S>(PhantomData<S>);

sizes! {
    ConvNext: ConvNextSize {
        mini: Mini, "32 to 256 channels in five blocks, 1.0 million parameters. Ours: for small data and laptops.";
        atto: Atto, "40 to 320 channels, 3.4 million parameters.";
        femto: Femto, "48 to 384 channels, 4.8 million parameters.";
        pico: Pico, "64 to 512 channels, 8.5 million parameters.";
        nano: Nano, "80 to 640 channels, 15 million parameters.";
        tiny: Tiny, "96 to 768 channels, 28 million parameters.";
        small: Small, "96 to 768 channels in 36 blocks, 49 million parameters.";
        base: Base, "128 to 1024 channels in 36 blocks, 88 million parameters.";
    }
}

impl<S: Size> LearnsHere for ConvNext<S> {}
impl WeightsFor<ConvNext<size::Mini>> for Simulated {}
impl WeightsFor<ConvNext<size::Mini>> for SimulatedLong {}
impl WeightsFor<ConvNext<size::Tiny>> for ImageNet22k {}
impl WeightsFor<ConvNext<size::Small>> for ImageNet22k {}
impl WeightsFor<ConvNext<size::Base>> for ImageNet22k {}

/// Depths and widths of a ConvNeXt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConvNextSize {
    /// 1, 1, 2, 1 blocks of 32, 64, 128, 256 channels. Ours: for small data and laptops, and what
    /// `--scale quick` trains.
    Mini,
    /// 2, 2, 6, 2 blocks of 40, 80, 160, 320 channels.
    Atto,
    /// 2, 2, 6, 2 blocks of 48, 96, 192, 384 channels.
    Femto,
    /// 2, 2, 6, 2 blocks of 64, 128, 256, 512 channels.
    Pico,
    /// 2, 2, 8, 2 blocks of 80, 160, 320, 640 channels.
    Nano,
    /// 3, 3, 9, 3 blocks of 96, 192, 384, 768 channels. The one of the CHAMMI paper.
    Tiny,
    /// 3, 3, 27, 3 blocks of 96, 192, 384, 768 channels.
    Small,
    /// 3, 3, 27, 3 blocks of 128, 256, 512, 1024 channels.
    Base,
}

impl ConvNextSize {
    /// Blocks in each of the four stages.
    pub fn depths(self) -> [usize; 4] {
        match self {
            Self::Mini => [1, 1, 2, 1],
            Self::Atto | Self::Femto | Self::Pico => [2, 2, 6, 2],
            Self::Nano => [2, 2, 8, 2],
            Self::Tiny => [3, 3, 9, 3],
            Self::Small | Self::Base => [3, 3, 27, 3],
        }
    }

    /// Channels in each of the four stages.
    pub fn widths(self) -> [usize; 4] {
        let first = match self {
            Self::Mini => 32,
            Self::Atto => 40,
            Self::Femto => 48,
            Self::Pico => 64,
            Self::Nano => 80,
            Self::Tiny | Self::Small => 96,
            Self::Base => 128,
        };
        [first, 2 * first, 4 * first, 8 * first]
    }

    /// Whether timm has ImageNet-22k weights for it.
    fn is_published(self) -> bool {
        match self {
            Self::Tiny | Self::Small | Self::Base => true,
            Self::Mini | Self::Atto | Self::Femto | Self::Pico | Self::Nano => false,
        }
    }
}

impl Settings {
    /// What `quick` trains instead of a backbone off the shelf.
    pub(super) const STAND_IN: Self = Self { size: ConvNextSize::Mini, drop_path: 0.0 };
}

impl BackboneWord for Settings {
    fn title(&self) -> String {
        format!("ConvNeXt-{:?}", self.size)
    }

    fn is_off_the_shelf(&self) -> bool {
        false
    }

    fn published(&self) -> Weights {
        Weights::ImageNet22k
    }

    fn starts_from(&self, weights: &Weights) -> bool {
        match weights {
            Weights::Scratch
            | Weights::SimulatedPretrain
            | Weights::SimulatedPretrainLong
            | Weights::File { .. } => true,
            Weights::ImageNet22k => self.size.is_published(),
            Weights::ImageNet1k | Weights::Lvd142m | Weights::Published => false,
        }
    }

    fn exists(&self) -> Result<(), String> {
        Ok(())
    }

    fn stand_in(&self) -> Option<Backbone> {
        None
    }
}

impl Word for Settings {
    fn check(&self, _: &Spec, found: &mut Found) {
        let drop_path = self.drop_path;
        let message =
            || format!("expected a drop-path probability of at least 0 and below 1, found {drop_path}");
        let hint = "at 1 the last block would never be trained; CHAMMI: 0";
        found.unless((0.0..1.0).contains(&drop_path), "drop_path", message, hint);
    }

    fn quick(&mut self, _: &Spec) {
        self.size = ConvNextSize::Mini;
    }
}
