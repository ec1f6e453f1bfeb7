//! Gradient and spectrum of a channel, from its pixels.

use super::{OCTAVES, histogram::Scale};

/// One channel.
pub(super) struct Plane {
    pub(super) width: usize,
    pub(super) pixels: Vec<f64>,
}

impl Plane {
    /// From grey levels 0 to 255, row by row, measured on this scale.
    pub(super) fn of(width: usize, greys: impl Iterator<Item = f64>, scale: Scale) -> Self {
        Self { width, pixels: greys.map(|grey| scale.of(grey / 255.0)).collect() }
    }

    fn height(&self) -> usize {
        self.pixels.len() / self.width
    }

    /// Mean and SD of the gradient's length, by central differences inside the image.
    pub(super) fn gradient(&self) -> [f64; 2] {
        let (mut sum, mut square, mut n) = (0.0, 0.0, 0usize);
        for y in 1..self.height().saturating_sub(1) {
            for x in 1..self.width.saturating_sub(1) {
                let at = y * self.width + x;
                let across = self.pixels[at + 1] - self.pixels[at - 1];
                let down = self.pixels[at + self.width] - self.pixels[at - self.width];
                let length = 0.5 * (across * across + down * down).sqrt();
                (sum, square, n) = (sum + length, square + length * length, n + 1);
            }
        }
        let n = n.max(1) as f64;
        [sum / n, (square / n - (sum / n).powi(2)).max(0.0).sqrt()]
    }

    /// Logarithm of the SD in each octave of spatial frequency: the radial power spectrum in rings of
    /// doubling radius. It is computed from a Laplacian pyramid (Burt & Adelson 1983), whose cost per pixel
    /// does not depend on the size.
    pub(super) fn octaves(&self) -> [f64; OCTAVES] {
        let mut level = Self { width: self.width, pixels: self.pixels.clone() };
        std::array::from_fn(|_| {
            let smooth = level.smooth();
            let difference = level.pixels.iter().zip(&smooth.pixels).map(|(a, b)| (a - b) * (a - b));
            let energy = difference.sum::<f64>() / level.pixels.len() as f64;
            level = smooth.halve();
            libm::log(energy.sqrt() + 1e-3)
        })
    }

    /// Convolution with the binomial 1, 4, 6, 4, 1 along both axes, mirrored at the border.
    fn smooth(&self) -> Self {
        let (width, height) = (self.width, self.height());
        let filter = |[a, b, c, d, e]: [f64; 5]| (a + e + 4.0 * (b + d) + 6.0 * c) / 16.0;
        let mirror = |at: usize, step: usize, n: usize| -> usize {
            let at = (at + step).abs_diff(2);
            if at < n { at } else { (2 * n - 2).saturating_sub(at).min(n - 1) }
        };
        let mut rows = vec![0.0; self.pixels.len()];
        for (from, to) in self.pixels.chunks_exact(width).zip(rows.chunks_exact_mut(width)) {
            if let Some(inside) = to.get_mut(2..width.saturating_sub(2).max(2)) {
                for (to, from) in inside.iter_mut().zip(from.windows(5)) {
                    *to = filter(std::array::from_fn(|step| from[step]));
                }
            }
            for x in (0..width.min(2)).chain(width.saturating_sub(2)..width) {
                to[x] = filter(std::array::from_fn(|step| from[mirror(x, step, width)]));
            }
        }
        let mut pixels = vec![0.0; self.pixels.len()];
        for (y, to) in pixels.chunks_exact_mut(width).enumerate() {
            let from: [&[f64]; 5] =
                std::array::from_fn(|step| &rows[mirror(y, step, height) * width..][..width]);
            for (x, to) in to.iter_mut().enumerate() {
                *to = filter(std::array::from_fn(|step| from[step][x]));
            }
        }
        Self { width, pixels }
    }

    /// Every second pixel of every second line.
    fn halve(&self) -> Self {
        let lines = self.pixels.chunks_exact(self.width).step_by(2);
        let pixels = lines.flat_map(|line| line.iter().step_by(2)).copied().collect();
        Self { width: self.width.div_ceil(2), pixels }
    }
}
