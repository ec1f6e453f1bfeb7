//! Round bright spots: Golgi stacks, nucleoli, lysosomes, centrioles.

use super::super::canvas::{Canvas, Frame};

/// A spot: centre and radius in cell radii.
pub(crate) type Blob = ([f64; 2], f64);

/// Light of one blob at a point: (1 - d²/r²)², which needs no exponential.
pub(crate) fn profile(blob: &Blob, x: f64, y: f64) -> f64 {
    let ([cx, cy], radius) = *blob;
    let share = ((x - cx) * (x - cx) + (y - cy) * (y - cy)) / (radius * radius);
    if share < 1.0 { (1.0 - share) * (1.0 - share) } else { 0.0 }
}

/// Draws blobs, each only into the pixels around it.
pub(crate) fn paint(blobs: &[Blob], frame: Frame, canvas: &mut Canvas) {
    for blob in blobs {
        let [x, y] = frame.to_pixels(blob.0);
        // A blob smaller than a pixel must not fall between two pixels.
        let radius = blob.1.max(1.2 / frame.radius);
        let own = Frame { centre: [x, y], radius: frame.radius };
        let round = ([0.0, 0.0], radius);
        let mass = (blob.1 / radius) * (blob.1 / radius);
        own.paint(canvas, radius, |dx, dy| mass * profile(&round, dx, dy));
    }
}
