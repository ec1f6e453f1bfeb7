//! A source's microscope: point spread in micrometres, haze, bleed-through, vignetting, camera, and eight bits by percentiles.

use super::{
    screen::{Screen, ScreenControl},
    sources::{Mode, SOURCES, Source},
};
use crate::{canvas::Canvas, optics::Imaging};
use dichroic_ops::seed::Stream;

/// A microscope with its settings, the same for all images of a source.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    /// Side of a pixel in micrometres.
    pub(crate) pixel_um: f64,
    aperture: f64,
    pub(super) imaging: Imaging,
}

/// Emission of the five stains, in micrometres.
const WAVELENGTHS: [f64; 5] = [0.46, 0.52, 0.57, 0.6, 0.69];
/// SD of the sharpest image that a pixel shows, in pixels.
const SHARPEST: f64 = 0.6;
/// Refractive index of water.
const WATER: f64 = 1.33;
/// Grey levels of the 16-bit camera at a level of 1.
const FULL: f64 = 30_000.0;
/// The percentiles that become 0 and 255.
const PERCENT: [f64; 2] = [0.05, 99.95];

impl Scope {
    /// The microscope of a source in this world; under the control, all sources have that of the first one.
    pub(crate) fn of(screen: &Screen, source: &Source) -> Self {
        let same = screen.control == Some(ScreenControl::SameMicroscope);
        let source = if same { &SOURCES[0] } else { source };
        let mut stream = screen.stream(&format!("microscope/{}", source.name));
        let mut each =
            |low: f64, high: f64| -> [f64; 5] { std::array::from_fn(|_| stream.uniform(low, high)) };
        let haze = match source.mode {
            Mode::Widefield => each(0.15, 0.3),
            Mode::Confocal => each(0.0, 0.05),
        };
        let mut bleed = each(0.0, 0.15);
        bleed[0] = 0.0;
        let electrons = each(libm::log(100.0), libm::log(700.0)).map(libm::exp);
        let background = each(0.02, 0.1);
        let vignette = (stream.uniform(0.1, 0.4), [stream.uniform(0.35, 0.65), stream.uniform(0.35, 0.65)]);
        let read = stream.uniform(1.5, 3.0);
        let (pixel_um, aperture) = (screen.size.binning as f64 * source.pixel_um, source.aperture);
        let [haze, bleed, electrons, background] = [haze, bleed, electrons, background].map(Vec::from);
        let imaging = Imaging { haze, bleed, vignette, electrons, read, background };
        Self { pixel_um, aperture, imaging }
    }

    /// SD of the point spread of a channel, in pixels: of diffraction, of the distance from the focus, and of the pixel.
    fn sigma(&self, channel: usize, defocus: f64) -> f64 {
        let sharp = 0.21 * WAVELENGTHS[channel] / self.aperture / self.pixel_um;
        // A cone of light of this half angle; the SD of a disc is half its radius.
        let sine = self.aperture / WATER;
        let disc = 0.5 * defocus.abs() * sine / libm::sqrt(1.0 - sine * sine) / self.pixel_um;
        libm::sqrt(sharp * sharp + disc * disc + SHARPEST * SHARPEST)
    }

    /// Images the light of a specimen: one plane of 8 bits for each channel.
    pub(super) fn expose(
        &self,
        light: &[Canvas],
        gains: &[f64; 5],
        defocus: f64,
        stream: &mut Stream,
    ) -> Vec<Vec<u8>> {
        (0..light.len())
            .map(|channel| {
                let plane = self.imaging.focus(light, channel, self.sigma(channel, defocus));
                let count = |level: f64| (FULL * level + 1000.5).clamp(0.0, 65535.0) as u16;
                stretched(&self.imaging.read_out(&plane, channel, gains[channel], count, stream))
            })
            .collect()
    }
}

/// Eight bits between two percentiles of the image, as published images were made.
fn stretched(counts: &[u16]) -> Vec<u8> {
    let mut sorted = counts.to_vec();
    sorted.sort_unstable();
    let at = |percent: f64| sorted[(percent / 100.0 * (sorted.len() - 1) as f64).round() as usize];
    let [low, high] = PERCENT.map(at).map(u32::from);
    let range = (high - low).max(1);
    let level = |count: &u16| {
        let above = u32::from(*count).saturating_sub(low).min(range);
        ((255 * above + range / 2) / range) as u8
    };
    counts.iter().map(level).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_become_black_and_white() {
        let counts: Vec<u16> = (0..4001).map(|at| 1000 + 3 * at as u16).collect();
        let bytes = stretched(&counts);
        assert_eq!((bytes[0], bytes[2], bytes[2000], bytes[3998], bytes[4000]), (0, 0, 128, 255, 255));
        assert_eq!(stretched(&[7; 9]), [0; 9]);
    }

    #[test]
    fn sources_have_their_own_microscope_but_under_the_control() {
        let screen = Screen::new(2);
        let [a, b] = [0, 3].map(|at| Scope::of(&screen, &SOURCES[at]));
        assert!(
            a.imaging.haze.iter().all(|haze| *haze >= 0.15)
                && b.imaging.haze.iter().all(|haze| *haze <= 0.05)
        );
        assert!(
            a.pixel_um < b.pixel_um && a.sigma(0, 0.0) < a.sigma(4, 0.0) && b.sigma(0, 2.0) > b.sigma(0, 0.0)
        );
        let same = screen.under(ScreenControl::SameMicroscope);
        let [a, b] = [0, 3].map(|at| format!("{:?}", Scope::of(&same, &SOURCES[at])));
        assert_eq!(a, b);
    }
}
