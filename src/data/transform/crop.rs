//! Random crops: torchvision's `RandomResizedCrop` (0.15).

use crate::{seed::Stream, spec::CropFit};

/// A rectangle of an image, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CropBox {
    /// First row.
    pub top: usize,
    /// First column.
    pub left: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

/// Number of draws before the fallback is used.
const ATTEMPTS: usize = 10;

impl CropBox {
    /// Draws a rectangle whose share of the area is in `scale` and whose aspect ratio (width over height) is
    /// in `ratio` (log-uniform), up to ten times until one fits; then [`Self::fallback`].
    ///
    /// With [`CropFit::Adapted`] the share is that of the largest rectangle that `ratio` allows. On WTC
    /// images (238 x 374) about one rectangle in two then fits, instead of none.
    pub fn draw(
        height: usize,
        width: usize,
        scale: [f64; 2],
        ratio: [f64; 2],
        fit: CropFit,
        stream: &mut Stream,
    ) -> Self {
        let (h, w) = (height as f64, width as f64);
        let whole = match fit {
            CropFit::Fallback => h * w,
            // aspect a within `ratio`: w²/a where the width limits, h²·a where the height does
            CropFit::Adapted => {
                let aspect = (w / h).clamp(ratio[0], ratio[1]);
                (w * w / aspect).min(h * h * aspect)
            }
        };
        for _ in 0..ATTEMPTS {
            let area = whole * stream.uniform(scale[0], scale[1]);
            let aspect = libm::exp(stream.uniform(libm::log(ratio[0]), libm::log(ratio[1])));
            let Some((rows, columns)) = Self::size(height, width, area, aspect) else { continue };
            let (top, left) = (stream.below(height - rows + 1), stream.below(width - columns + 1));
            return Self { top, left, height: rows, width: columns };
        }
        Self::fallback(height, width, ratio)
    }

    /// Rows and columns of a rectangle of this area and aspect ratio, if it fits into the image. Halves are
    /// rounded to even, as in Python.
    pub fn size(height: usize, width: usize, area: f64, aspect: f64) -> Option<(usize, usize)> {
        let columns = (area * aspect).sqrt().round_ties_even() as usize;
        let rows = (area / aspect).sqrt().round_ties_even() as usize;
        (0 < columns && columns <= width && 0 < rows && rows <= height).then_some((rows, columns))
    }

    /// The largest central rectangle whose aspect ratio is in `ratio`.
    pub fn fallback(height: usize, width: usize, ratio: [f64; 2]) -> Self {
        let (h, w) = (height as f64, width as f64);
        let (rows, columns) = if w / h < ratio[0] {
            (((w / ratio[0]).round_ties_even() as usize).clamp(1, height), width)
        } else if w / h > ratio[1] {
            (height, ((h * ratio[1]).round_ties_even() as usize).clamp(1, width))
        } else {
            (height, width)
        };
        Self { top: (height - rows) / 2, left: (width - columns) / 2, height: rows, width: columns }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    const SCALE: [f64; 2] = [0.8, 1.0];
    const RATIO: [f64; 2] = [0.9, 1.1];

    fn draws(height: usize, width: usize, fit: CropFit) -> Vec<CropBox> {
        let mut stream = Seed(5).stream("crop");
        (0..4000).map(|_| CropBox::draw(height, width, SCALE, RATIO, fit, &mut stream)).collect()
    }

    #[test]
    fn released_crops_of_wtc_are_always_the_same() {
        let expected = CropBox { top: 0, left: 56, height: 238, width: 262 };
        assert!(draws(238, 374, CropFit::Fallback).iter().all(|&found| found == expected));
    }

    #[test]
    fn sides_of_square_images_lie_in_their_range() {
        for (side, range) in [(160, 136..=160), (512, 434..=512)] {
            let found = draws(side, side, CropFit::Fallback);
            assert!(found.iter().all(|b| range.contains(&b.height) && range.contains(&b.width)));
            assert!(found.iter().all(|b| b.top + b.height <= side && b.left + b.width <= side));
            let smallest = found.iter().map(|b| b.width.min(b.height)).min().unwrap_or(0);
            assert!(smallest <= range.start() + side / 80, "smallest side {smallest} of {side}");
            assert_eq!(found, draws(side, side, CropFit::Adapted), "on square images the two are the same");
        }
    }

    #[test]
    fn adapted_crops_of_wtc_vary() {
        let found = draws(238, 374, CropFit::Adapted);
        let fallback = CropBox::fallback(238, 374, RATIO);
        let share = found.iter().filter(|&&b| b == fallback).count() as f64 / found.len() as f64;
        assert!(share < 0.02, "{share}");
        let mut lefts: Vec<usize> = found.iter().map(|b| b.left).collect();
        lefts.sort_unstable();
        lefts.dedup();
        assert!(lefts.len() > 100 && lefts[0] < 5 && lefts[lefts.len() - 1] > 120, "{lefts:?}");
    }

    #[test]
    fn fallback_keeps_to_the_ratio() {
        assert_eq!(CropBox::fallback(100, 50, RATIO), CropBox { top: 22, left: 0, height: 56, width: 50 });
        assert_eq!(CropBox::fallback(100, 105, RATIO), CropBox { top: 0, left: 0, height: 100, width: 105 });
        assert_eq!(CropBox::fallback(1, 9, RATIO), CropBox { top: 0, left: 4, height: 1, width: 1 });
    }
}
