//! Microscope: each view as another laboratory's microscope would have taken it.

use super::AugmentWord;
use crate::{
    dsl::change,
    spec::{InStage, check::Found},
    word::{StageWord, With, word},
};

word! {
    "train.augment", "microscope", revision 1;
    /// Each view as another microscope would have taken it: magnified, blurred, with haze, bleed-through between neighbouring
    /// channels, vignetting and the noise of few photons, each drawn anew. Ours: a supervised model that has seen these is the
    /// rival that an adaptation has to beat.
    pub struct Microscope;
    switches {
        /// The magnification, uniform on a logarithmic scale between these two factors.
        zoom: [f64; 2] = [0.75, 1.33], "ours: the pixels of JUMP's microscopes are 0.598 to 0.703 µm";
        /// The largest standard deviation of the blur, in pixels of the view.
        blur: f64 = 1.5, "ours";
        /// The largest share of light that is spread over a sixth of the view: out-of-focus light of widefield microscopes.
        haze: f64 = 0.4, "ours";
        /// The largest share of a channel that is seen in each of its neighbours.
        bleed: f64 = 0.25, "ours";
        /// The largest loss of light from the middle of the view to its corners.
        vignetting: f64 = 0.4, "ours";
        /// Photons of the brightest pixel, uniform on a logarithmic scale between these two numbers.
        photons: [f64; 2] = [30.0, 1000.0], "ours: 50 to 1,000 electrons at the peak in the simulator";
    }
}
change!(Microscope, With<Microscope>);

impl AugmentWord for Settings {
    fn warps(&self) -> bool {
        false
    }

    /// On purpose: whoever says it wants to have seen other magnifications.
    fn rescales(&self) -> bool {
        false
    }
}

impl StageWord for Settings {
    fn check(&self, _: &InStage<'_>, found: &mut Found) {
        let ranges = [("zoom", self.zoom, 0.1, 10.0), ("photons", self.photons, 1.0, 1e9)];
        for (what, [low, high], least, most) in ranges {
            let message = || {
                format!(
                    "expected `{what}` as two numbers from {least} to {most}, the smaller first, found {low} and {high}"
                )
            };
            let holds = least <= low && low <= high && high <= most;
            found.unless(
                holds,
                "microscope",
                message,
                "equal numbers draw nothing; 1 and 1 is no magnification",
            );
        }
        let shares =
            [("haze", self.haze, 1.0), ("bleed", self.bleed, 0.5), ("vignetting", self.vignetting, 1.0)];
        for (what, value, most) in shares.into_iter().chain([("blur", self.blur, 100.0)]) {
            let message = || format!("expected `{what}` from 0 to {most}, found {value}");
            found.unless((0.0..=most).contains(&value), "microscope", message, "0 leaves it out");
        }
    }

    fn quick(&mut self, _: &InStage<'_>) {}
}
