//! Removes information from intensities: the values of a structure are reassigned by rank, onto a curve that
//! belongs to the structure and not to the cell.
//!
//! Without this, how tightly a Golgi apparatus is packed or how long mitochondria are would show in the
//! histogram of their channel, and a data set about shapes could be solved by counting grey levels.

use super::canvas::Canvas;
use super::cell::Kind;
use super::structures::Structure;

const BINS: usize = 2048;

/// Reassigns the light of one cell. `radius` is the cell radius in pixels: the curve is about shares of a
/// typical cell's area.
pub(super) fn redeal(canvas: &mut Canvas, structure: Structure, kind: Kind, radius: f64) {
    let highest = canvas.light.iter().fold(0.0f32, |high, &v| high.max(v));
    if highest <= 0.0 {
        return;
    }
    // Levels grow with the square, to separate the many dim values as well as the few bright ones.
    let bin = |v: f32| ((v / highest).sqrt() * (BINS - 1) as f32) as usize;
    let mut counts = [0u32; BINS];
    canvas.light.iter().filter(|&&v| v > 0.0).for_each(|&v| counts[bin(v)] += 1);
    let (area, power) = curve(structure, kind);
    let pixels = area * std::f64::consts::PI * radius * radius;
    let mut dealt = [0.0f32; BINS];
    let mut brighter = 0.0;
    for (value, &count) in dealt.iter_mut().zip(&counts).rev() {
        if count == 0 {
            continue; // no pixel has this level
        }
        let rank = (brighter + 0.5 * f64::from(count)) / pixels;
        *value = libm::pow((1.0 - rank).max(0.0), power) as f32;
        brighter += f64::from(count);
    }
    for value in canvas.light.iter_mut().filter(|value| **value > 0.0) {
        *value = dealt[bin(*value)];
    }
}

/// The share of a cell's area that a structure lights, and how steeply its light falls from the brightest
/// pixel. All networks of a polarised cell share a curve, including the ER's.
fn curve(structure: Structure, kind: Kind) -> (f64, f64) {
    match structure {
        Structure::Nucleus if kind == Kind::Dividing => (0.31, 0.8),
        Structure::Nucleus => (0.23, 0.8),
        Structure::Er if kind != Kind::Polarised => (1.35, 1.5),
        Structure::Rna => (1.35, 2.0),
        Structure::Golgi => (0.4, 2.0),
        Structure::Membrane => (0.2, 0.7),
        Structure::Er | Structure::Microtubules | Structure::Mito | Structure::Protein => (0.5, 1.8),
    }
}
