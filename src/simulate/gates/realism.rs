//! Realism of images: spectrum slope, signal-to-noise and saturation, compared with real cells.

use std::f64::consts::PI;

/// Physical measures of a plane.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    /// Slope of log power over log frequency, 0.05 to 0.4 cycles per pixel.
    pub(super) slope: f64,
    /// (99th - 1st percentile) / noise, the noise after Immerkær (1996).
    pub(super) signal_to_noise: f64,
    /// Share of pixels at 255.
    pub(super) saturation: f64,
}

// Lowest and highest median of a channel among the 19 channels of five public sets of real cells (imaging flow
// cytometry, yeast, imaging mass cytometry, two Cell Painting screens; 30 to 150 cells each), measured by the same
// formulas; saturation: the highest 95th percentile of any channel.
pub(super) const SLOPES: [f64; 2] = [-5.12, -0.25];
pub(super) const SIGNAL_TO_NOISE: [f64; 2] = [4.5, 617.0];
pub(super) const SATURATION: [f64; 2] = [0.0, 0.05];

/// Measures the central square of a plane, at most 128 pixels wide.
pub(super) fn look(plane: &[u8], width: usize) -> Look {
    let height = plane.len() / width;
    let n = width.min(height).min(128);
    let (left, top) = ((width - n) / 2, (height - n) / 2);
    let square: Vec<f64> =
        (0..n * n).map(|i| f64::from(plane[(top + i / n) * width + left + i % n])).collect();
    let mut sorted: Vec<f64> = square.clone();
    sorted.sort_by(f64::total_cmp);
    let at = |share: f64| sorted[(share * (sorted.len() - 1) as f64) as usize];
    let saturation = square.iter().filter(|&&v| v >= 255.0).count() as f64 / square.len() as f64;
    Look { slope: slope(&square, n), signal_to_noise: (at(0.99) - at(0.01)) / noise(&square, n), saturation }
}

/// SD of the noise, by a mask that annihilates planes and edges; never below the rounding to whole grey
/// levels.
fn noise(square: &[f64], n: usize) -> f64 {
    let at = |row: usize, column: usize| square[row * n + column];
    let mut total = 0.0;
    for row in 1..n - 1 {
        for column in 1..n - 1 {
            let cross = at(row - 1, column) + at(row + 1, column) + at(row, column - 1) + at(row, column + 1);
            let diagonal = at(row - 1, column - 1)
                + at(row - 1, column + 1)
                + at(row + 1, column - 1)
                + at(row + 1, column + 1);
            total += (diagonal - 2.0 * cross + 4.0 * at(row, column)).abs();
        }
    }
    ((PI / 2.0).sqrt() * total / (6.0 * ((n - 2) * (n - 2)) as f64)).max(0.3)
}

fn slope(square: &[f64], n: usize) -> f64 {
    let mean = square.iter().sum::<f64>() / square.len() as f64;
    let window: Vec<f64> = (0..n).map(|i| 0.5 - 0.5 * (2.0 * PI * i as f64 / (n - 1) as f64).cos()).collect();
    let real: Vec<f64> = (0..n * n).map(|i| (square[i] - mean) * window[i / n] * window[i % n]).collect();
    let power = power(&real, n);
    let mut sums = vec![(0.0, 0.0); n / 2];
    for row in 0..n {
        for column in 0..n {
            let fold = |k: usize| if k > n / 2 { n - k } else { k } as f64;
            let ring = (fold(row).powi(2) + fold(column).powi(2)).sqrt().round() as usize;
            if let Some((total, count)) = sums.get_mut(ring) {
                *total += power[row * n + column];
                *count += 1.0;
            }
        }
    }
    let points: Vec<(f64, f64)> = sums
        .iter()
        .enumerate()
        .map(|(ring, (total, count))| (ring as f64 / n as f64, total / count))
        .filter(|(frequency, _)| (0.05..0.4).contains(frequency))
        .map(|(frequency, power)| (frequency.ln(), (power + 1e-9).ln()))
        .collect();
    let count = points.len() as f64;
    let (mx, my) =
        (points.iter().map(|p| p.0).sum::<f64>() / count, points.iter().map(|p| p.1).sum::<f64>() / count);
    let along: f64 = points.iter().map(|p| (p.0 - mx) * (p.1 - my)).sum();
    along / points.iter().map(|p| (p.0 - mx).powi(2)).sum::<f64>()
}

/// Squared amplitudes of the two-dimensional Fourier transform, by rows and columns; sides are at most 128,
/// so a plain sum is fast enough and allows any side.
fn power(real: &[f64], n: usize) -> Vec<f64> {
    let wheel: Vec<(f64, f64)> =
        (0..n).map(|k| 2.0 * PI * k as f64 / n as f64).map(|angle| (angle.cos(), -angle.sin())).collect();
    let mut rows = vec![(0.0, 0.0); n * n];
    for row in 0..n {
        for k in 0..n {
            let mut sum = (0.0, 0.0);
            for (column, value) in real[row * n..(row + 1) * n].iter().enumerate() {
                let (c, s) = wheel[k * column % n];
                sum = (sum.0 + value * c, sum.1 + value * s);
            }
            rows[k * n + row] = sum;
        }
    }
    let mut power = vec![0.0; n * n];
    for k in 0..n {
        for l in 0..n {
            let mut sum = (0.0, 0.0);
            for (row, (re, im)) in rows[k * n..(k + 1) * n].iter().enumerate() {
                let (c, s) = wheel[l * row % n];
                sum = (sum.0 + re * c - im * s, sum.1 + re * s + im * c);
            }
            power[l * n + k] = sum.0 * sum.0 + sum.1 * sum.1;
        }
    }
    power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_noise_is_flat_and_its_sd_is_found() {
        let mut stream = dichroic_ops::seed::Seed(3).stream("white");
        let plane: Vec<u8> = (0..64 * 64).map(|_| (128.0 + 10.0 * stream.normal()) as u8).collect();
        let look = look(&plane, 64);
        assert!(look.slope.abs() < 0.3, "{look:?}");
        // The 1st and 99th percentiles of a normal distribution are 4.65 SD apart.
        assert!((look.signal_to_noise - 4.65).abs() < 0.3, "{look:?}");
    }
}
