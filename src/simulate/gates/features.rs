//! Features without learning: moments, quantiles, histograms, gradients, spectra, correlations, corners.

use super::read::Cell;

const QUANTILES: [f64; 7] = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99];

/// Mean, SD and quantiles of one channel.
pub(super) fn moments(plane: &[u8]) -> Vec<f64> {
    let counts = counts(plane.iter().copied());
    let mean = mean(plane);
    let mut all = vec![mean, variance(plane, mean).sqrt()];
    all.extend(QUANTILES.map(|share| quantile(&counts, share)));
    all
}

/// Shares of 64 grey levels.
pub(super) fn histogram(plane: &[u8]) -> Vec<f64> {
    let counts = counts(plane.iter().copied());
    counts.chunks(4).map(|bin| bin.iter().sum::<usize>() as f64 / plane.len() as f64).collect()
}

/// Features of one channel: moments, histogram shape, gradient energy, coarse spectrum.
pub(super) fn channel(cell: &Cell, channel: usize) -> Vec<f64> {
    let plane = &cell.planes[channel];
    let mut all = moments(plane);
    let mean = all[0];
    let sd = all[1].max(1e-6);
    for power in [3, 4] {
        all.push(
            plane.iter().map(|&v| ((f64::from(v) - mean) / sd).powi(power)).sum::<f64>() / plane.len() as f64,
        );
    }
    // Energy of differences at growing distances: gradient energy first, then a spectrum in octaves.
    for distance in [1, 2, 4, 8, 16] {
        all.push((difference(plane, cell.width, distance) / (sd * sd)).ln_1p());
    }
    all
}

/// All features of every channel and the correlations between them: the hand-made floor.
pub(super) fn hand_made(cell: &Cell) -> Vec<f64> {
    let count = cell.planes.len();
    let mut all: Vec<f64> = (0..count).flat_map(|c| channel(cell, c)).collect();
    for first in 0..count {
        for second in 0..first {
            all.push(correlation(&cell.planes[first], &cell.planes[second]));
        }
    }
    all
}

/// Per channel: the 10th percentile of each corner (an eighth of each side), mean and SD of the darkest. A
/// corner may contain a neighbour; all four rarely do.
pub(super) fn corners(cell: &Cell) -> Vec<f64> {
    let mut all = Vec::new();
    for plane in &cell.planes {
        let (width, height) = (cell.width, plane.len() / cell.width);
        let (across, down) = (width / 8, height / 8);
        let mut darkest = (f64::INFINITY, 0.0);
        for (left, top) in [(0, 0), (width - across, 0), (0, height - down), (width - across, height - down)]
        {
            let patch: Vec<u8> =
                (top..top + down).flat_map(|row| &plane[row * width + left..][..across]).copied().collect();
            all.push(quantile(&counts(patch.iter().copied()), 0.1));
            let mean = mean(&patch);
            if mean < darkest.0 {
                darkest = (mean, variance(&patch, mean).sqrt());
            }
        }
        all.extend([darkest.0, darkest.1]);
    }
    all
}

fn counts(values: impl Iterator<Item = u8>) -> [usize; 256] {
    let mut counts = [0; 256];
    values.for_each(|value| counts[usize::from(value)] += 1);
    counts
}

fn quantile(counts: &[usize; 256], share: f64) -> f64 {
    let total: usize = counts.iter().sum();
    let mut seen = 0;
    for (value, count) in counts.iter().enumerate() {
        seen += count;
        if seen as f64 >= share * total as f64 {
            return value as f64;
        }
    }
    255.0
}

fn mean(plane: &[u8]) -> f64 {
    plane.iter().map(|&v| f64::from(v)).sum::<f64>() / plane.len() as f64
}

fn variance(plane: &[u8], mean: f64) -> f64 {
    plane.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / plane.len() as f64
}

/// Mean squared difference between pixels `distance` apart along rows and columns.
fn difference(plane: &[u8], width: usize, distance: usize) -> f64 {
    let square = |(a, b): (&u8, &u8)| (f64::from(*a) - f64::from(*b)).powi(2);
    let (mut total, mut pairs) = (0.0, 0);
    for row in plane.chunks_exact(width) {
        total += row.iter().zip(row.iter().skip(distance)).map(square).sum::<f64>();
        pairs += width.saturating_sub(distance);
    }
    total += plane.iter().zip(plane.iter().skip(distance * width)).map(square).sum::<f64>();
    pairs += plane.len().saturating_sub(distance * width);
    total / pairs.max(1) as f64
}

fn correlation(a: &[u8], b: &[u8]) -> f64 {
    let (mean_a, mean_b) = (mean(a), mean(b));
    let together: f64 =
        a.iter().zip(b).map(|(&x, &y)| (f64::from(x) - mean_a) * (f64::from(y) - mean_b)).sum();
    let apart = (variance(a, mean_a) * variance(b, mean_b)).sqrt() * a.len() as f64;
    if apart > 0.0 { together / apart } else { 0.0 }
}
