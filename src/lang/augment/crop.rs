//! Crop: a random rectangle.

use super::AugmentWord;
use crate::{
    dsl::change,
    spec::{InStage, check::Found},
    word::{StageWord, With, word},
};
use serde::{Deserialize, Serialize};

word! {
    "train.augment", "crop", revision 1;
    /// torchvision's `RandomResizedCrop`: a random rectangle, resized to the square input of the network;
    /// CHAMMI's area (0.8 to 1) and aspect ratio (0.9 to 1.1) by default.
    pub struct Crop;
    by_hand {
        /// Smallest and largest share of the image's area. CHAMMI: 0.8 to 1.
        scale: [f64; 2] = [0.8, 1.0], "code";
        /// Smallest and largest aspect ratio (width over height). CHAMMI: 0.9 to 1.1.
        ratio: [f64; 2] = [0.9, 1.1], "code";
        /// What happens with images that are too elongated for any such rectangle.
        fit: CropFit = (fallback, adapted, adapted), "code: torchvision, a constant crop on WTC; paper: a random crop";
    }
}
change!(Crop, With<Crop>);

/// What `RandomResizedCrop` does with images that are too elongated for any of its rectangles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CropFit {
    /// As in torchvision: after ten failures, always the same central rectangle (CHAMMI's WTC images:
    /// always).
    Fallback,
    /// Areas are relative to the largest rectangle with an allowed aspect ratio, so that a random one always
    /// fits. On square images the two are the same.
    Adapted,
}

impl Crop {
    /// Smallest and largest share of the image's area.
    pub fn scale(self, smallest: f64, largest: f64) -> With<Self> {
        With::of(self).scale(smallest, largest)
    }

    /// Smallest and largest aspect ratio (width over height).
    pub fn ratio(self, smallest: f64, largest: f64) -> With<Self> {
        With::of(self).ratio(smallest, largest)
    }

    /// What happens with images that are too elongated for any such rectangle.
    pub fn fit(self, fit: CropFit) -> With<Self> {
        With::of(self).fit(fit)
    }
}

impl With<Crop> {
    /// Smallest and largest share of the image's area.
    pub fn scale(self, smallest: f64, largest: f64) -> Self {
        self.stating(|stated| stated.scale = Some([smallest, largest]))
    }

    /// Smallest and largest aspect ratio (width over height).
    pub fn ratio(self, smallest: f64, largest: f64) -> Self {
        self.stating(|stated| stated.ratio = Some([smallest, largest]))
    }

    /// What happens with images that are too elongated for any such rectangle.
    pub fn fit(self, fit: CropFit) -> Self {
        self.stating(|stated| stated.fit = Some(fit))
    }
}

impl AugmentWord for Settings {
    fn warps(&self) -> bool {
        false
    }

    fn rescales(&self) -> bool {
        true
    }
}

impl StageWord for Settings {
    fn check(&self, _: &InStage<'_>, found: &mut Found) {
        let share = "a crop's share of the area";
        found.interval("crop_scale", share, self.scale, 1.0, "CHAMMI: 0.8 to 1");
        let shape = "a crop's width over height";
        found.interval("crop_ratio", shape, self.ratio, f64::MAX, "CHAMMI: 0.9 to 1.1");
    }

    fn quick(&mut self, _: &InStage<'_>) {}
}
