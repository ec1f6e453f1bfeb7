//! Persistent random walks: microtubules, mitochondria, networks that a protein may follow.

use super::super::canvas::{Canvas, Frame};
use super::super::outline::Outline;
use dichroic_ops::seed::Stream;
use std::f64::consts::PI;

/// Parameters of a network's filaments.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Network {
    /// Number of filaments.
    pub(crate) filaments: usize,
    /// Length of each, in cell radii.
    pub(crate) length: f64,
    /// SD of the change of direction per step, radians.
    pub(crate) wander: f64,
    /// Where they begin, in cell radii: around this point …
    pub(crate) focus: [f64; 2],
    /// … at a distance of `ring` …
    pub(crate) ring: f64,
    /// … give or take this SD.
    pub(crate) spread: f64,
}

/// One filament: points at equal steps, in cell radii.
pub(crate) type Filament = Vec<[f64; 2]>;

const STEP: f64 = 0.06;

impl Network {
    /// Draws the filaments; a step that would leave the cell is reflected.
    pub(crate) fn draw(&self, stream: &mut Stream, outline: &Outline) -> Vec<Filament> {
        (0..self.filaments).map(|_| self.filament(stream, outline)).collect()
    }

    fn filament(&self, stream: &mut Stream, outline: &Outline) -> Filament {
        let way = stream.uniform(0.0, 2.0 * PI);
        let mut at = [
            self.focus[0] + self.ring * libm::cos(way) + self.spread * stream.normal(),
            self.focus[1] + self.ring * libm::sin(way) + self.spread * stream.normal(),
        ];
        let level = outline.level(at[0], at[1]);
        if level > 0.95 {
            at = [at[0] * 0.9 / level, at[1] * 0.9 / level];
        }
        let mut heading = stream.uniform(0.0, 2.0 * PI);
        let mut points = vec![at];
        for _ in 0..(self.length / STEP).round().max(1.0) as usize {
            heading += self.wander * stream.normal();
            let next = [at[0] + STEP * libm::cos(heading), at[1] + STEP * libm::sin(heading)];
            if outline.level(next[0], next[1]) > 0.97 {
                heading += 0.5 * PI;
                continue;
            }
            at = next;
            points.push(at);
        }
        points
    }
}

/// Draws filaments with a light of 1 per cell radius of length.
pub(crate) fn paint(filaments: &[Filament], frame: Frame, canvas: &mut Canvas) {
    let parts = (STEP * frame.radius / 0.7).ceil().max(1.0) as usize;
    for pair in filaments.iter().flat_map(|filament| filament.windows(2)) {
        for part in 0..parts {
            let t = part as f64 / parts as f64;
            let at = [0, 1].map(|axis| pair[0][axis] + t * (pair[1][axis] - pair[0][axis]));
            let [x, y] = frame.to_pixels(at);
            canvas.splat(x, y, STEP / parts as f64);
        }
    }
}
