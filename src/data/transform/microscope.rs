//! A view as another laboratory's microscope would have taken it: what a microscope does to an image, in its order
//! (magnification, blur and haze, bleed-through, vignetting, photons).

use crate::{
    data::Statistics,
    seed::{Seed, Stream},
    spec::settings,
};

/// The random choices.
#[derive(Clone, Debug, PartialEq)]
pub struct OtherMicroscope {
    /// The magnification.
    zoom: f64,
    /// Standard deviation of the blur, in pixels.
    blur: f64,
    /// Share of light that is spread widely.
    haze: f64,
    /// Share of each channel that is seen in each of its neighbours.
    bleed: Vec<f64>,
    /// Loss of light at the corners.
    vignetting: f64,
    /// Photons of the brightest pixel.
    photons: f64,
    /// The noise of photons.
    noise: Seed,
}

/// The width of the haze, as a share of the view's side.
const HAZE: f64 = 1.0 / 6.0;
/// Standard deviations after which a blur ends.
const REACH: f64 = 3.0;

impl OtherMicroscope {
    /// Draws a microscope for images of so many channels.
    pub(super) fn draw(word: &settings::Microscope, channels: usize, stream: &mut Stream) -> Self {
        let log = |[low, high]: [f64; 2], stream: &mut Stream| {
            libm::exp(stream.uniform(libm::log(low), libm::log(high)))
        };
        Self {
            zoom: log(word.zoom, stream),
            blur: stream.uniform(0.0, word.blur),
            haze: stream.uniform(0.0, word.haze),
            bleed: (1..channels).map(|_| stream.uniform(0.0, word.bleed)).collect(),
            vignetting: stream.uniform(0.0, word.vignetting),
            photons: log(word.photons, stream),
            noise: Seed(stream.bits()),
        }
    }

    /// Takes the picture again: normalised planes, channels × side × side.
    pub(super) fn take(&self, planes: &mut [f32], side: usize, norm: &Statistics) {
        let size = side * side;
        for (channel, plane) in planes.chunks_exact_mut(size).enumerate() {
            let (mean, sd) = (norm.mean[channel], norm.sd[channel]);
            plane.iter_mut().for_each(|value| *value = (*value * sd + mean).clamp(0.0, 1.0));
            magnify(plane, side, self.zoom);
            let haze = blurred(plane, side, HAZE * side as f64);
            let sharp = blurred(plane, side, self.blur);
            let share = self.haze as f32;
            for ((value, sharp), haze) in plane.iter_mut().zip(sharp).zip(haze) {
                *value = (1.0 - share) * sharp + share * haze;
            }
        }
        self.bleed_through(planes, size);
        let mut noise = self.noise.stream("photons");
        for (channel, plane) in planes.chunks_exact_mut(size).enumerate() {
            let (mean, sd) = (norm.mean[channel], norm.sd[channel]);
            let peak = plane.iter().fold(0f32, |peak, value| peak.max(*value)).max(1e-6);
            let photons = self.photons / f64::from(peak);
            let middle = (side as f64 - 1.0) / 2.0;
            for (at, value) in plane.iter_mut().enumerate() {
                let (down, across) = ((at / side) as f64 - middle, (at % side) as f64 - middle);
                let r2 = (down * down + across * across) / (2.0 * middle * middle).max(1.0);
                let light = f64::from(*value) * (1.0 - self.vignetting * r2);
                // Poisson noise as normal noise of the same variance: at ten photons the two look alike.
                let seen = light + (light / photons).sqrt() * noise.normal();
                *value = (seen.clamp(0.0, 1.0) as f32 - mean) / sd;
            }
        }
    }

    /// Each channel plus its share of the neighbours.
    fn bleed_through(&self, planes: &mut [f32], size: usize) {
        let before = planes.to_vec();
        for (pair, share) in self.bleed.iter().enumerate() {
            for (into, from) in [(pair, pair + 1), (pair + 1, pair)] {
                let from = &before[from * size..][..size];
                for (value, from) in planes[into * size..][..size].iter_mut().zip(from) {
                    *value += *share as f32 * from;
                }
            }
        }
    }
}

/// Magnifies about the middle, bilinearly; what lies outside repeats the edge.
fn magnify(plane: &mut [f32], side: usize, zoom: f64) {
    let (before, middle, last) = (plane.to_vec(), (side as f64 - 1.0) / 2.0, side - 1);
    let place = |at: usize| {
        let from = ((at as f64 - middle) / zoom + middle).clamp(0.0, last as f64);
        let first = from as usize;
        (first, (first + 1).min(last), (from - first as f64) as f32)
    };
    let places: Vec<_> = (0..side).map(place).collect();
    for (row, out) in plane.chunks_exact_mut(side).enumerate() {
        let (above, below, y) = places[row];
        for (out, (left, right, x)) in out.iter_mut().zip(&places) {
            let line = |row: usize| before[row * side + left] * (1.0 - x) + before[row * side + right] * x;
            *out = line(above) * (1.0 - y) + line(below) * y;
        }
    }
}

/// A Gaussian blur, separably; the edge is repeated.
fn blurred(plane: &[f32], side: usize, sd: f64) -> Vec<f32> {
    let reach = (REACH * sd).ceil() as usize;
    if reach == 0 {
        return plane.to_vec();
    }
    let weight = |at: usize| libm::exp(-0.5 * (at as f64 / sd) * (at as f64 / sd));
    let sum = weight(0) + 2.0 * (1..=reach).map(weight).sum::<f64>();
    let weights: Vec<f32> = (0..=reach).map(|at| (weight(at) / sum) as f32).collect();
    let line = |value: &dyn Fn(usize) -> f32, at: usize| {
        let mut sum = weights[0] * value(at);
        for (off, weight) in weights.iter().enumerate().skip(1) {
            sum += weight * (value(at.saturating_sub(off)) + value((at + off).min(side - 1)));
        }
        sum
    };
    let mut rows = vec![0.0; plane.len()];
    for (row, out) in rows.chunks_exact_mut(side).enumerate() {
        let values = &plane[row * side..][..side];
        out.iter_mut().enumerate().for_each(|(at, out)| *out = line(&|at| values[at], at));
    }
    let mut out = vec![0.0; plane.len()];
    for (at, out) in out.iter_mut().enumerate() {
        let column = at % side;
        *out = line(&|row| rows[row * side + column], at / side);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIDE: usize = 32;

    fn plain() -> OtherMicroscope {
        let (bleed, noise) = (vec![0.0], Seed(1));
        OtherMicroscope { zoom: 1.0, blur: 0.0, haze: 0.0, bleed, vignetting: 0.0, photons: 1e12, noise }
    }

    fn norm() -> Statistics {
        Statistics { mean: vec![0.2, 0.4], sd: vec![0.5, 0.1] }
    }

    /// Two channels: a dot in the first, half of the second.
    fn scene() -> Vec<f32> {
        let dot = (0..SIDE * SIDE).map(|at| f32::from(u8::from(at == 16 * SIDE + 16)));
        let half = (0..SIDE * SIDE).map(|at| if at % SIDE < 16 { 0.5 } else { 0.0 });
        dot.chain(half).collect()
    }

    fn seen(microscope: &OtherMicroscope) -> Vec<f32> {
        let norm = norm();
        let of = |at: usize| (norm.mean[at / (SIDE * SIDE)], norm.sd[at / (SIDE * SIDE)]);
        let mut planes: Vec<f32> =
            scene().iter().enumerate().map(|(at, value)| (value - of(at).0) / of(at).1).collect();
        microscope.take(&mut planes, SIDE, &norm);
        planes.iter().enumerate().map(|(at, value)| value * of(at).1 + of(at).0).collect()
    }

    fn sum(values: &[f32]) -> f32 {
        values.iter().sum()
    }

    #[test]
    fn a_microscope_like_the_first_changes_nothing() {
        for (found, expected) in seen(&plain()).iter().zip(scene()) {
            assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        }
    }

    #[test]
    fn each_part_does_what_it_says() {
        let blur = seen(&OtherMicroscope { blur: 1.5, ..plain() });
        let dot = &blur[..SIDE * SIDE];
        assert!((sum(dot) - 1.0).abs() < 1e-3 && dot[16 * SIDE + 16] < 0.1, "{}", sum(dot));
        let haze = seen(&OtherMicroscope { haze: 0.5, ..plain() });
        assert!((haze[16 * SIDE + 16] - 0.5).abs() < 0.02);
        let bleed = seen(&OtherMicroscope { bleed: vec![0.2], ..plain() });
        assert!((bleed[0] - 0.1).abs() < 1e-5 && (bleed[SIDE * SIDE + 16 * SIDE + 16] - 0.2).abs() < 1e-5);
        let dark = seen(&OtherMicroscope { vignetting: 0.4, ..plain() });
        let (corner, middle) = (dark[SIDE * SIDE], dark[SIDE * SIDE + 16 * SIDE + 15]);
        assert!((corner - 0.3).abs() < 1e-3 && (middle - 0.5).abs() < 1e-2, "{corner} {middle}");
        let large = seen(&OtherMicroscope { zoom: 2.0, ..plain() });
        assert!((sum(&large[SIDE * SIDE..]) - sum(&scene()[SIDE * SIDE..])).abs() < 8.0);
        assert!(sum(&large[..SIDE * SIDE]) > 2.0, "the dot is larger");
    }

    #[test]
    fn the_noise_is_that_of_the_photons() {
        let noisy = seen(&OtherMicroscope { photons: 100.0, ..plain() });
        let half: Vec<f32> =
            noisy[SIDE * SIDE..].chunks_exact(SIDE).flat_map(|row| row[..16].to_vec()).collect();
        let mean = sum(&half) / half.len() as f32;
        let var = half.iter().map(|value| (value - mean) * (value - mean)).sum::<f32>() / half.len() as f32;
        // A hundred photons at 0.5: a deviation of a tenth of it.
        assert!((mean - 0.5).abs() < 0.01 && (var.sqrt() - 0.05).abs() < 0.006, "{mean} {}", var.sqrt());
    }
}
