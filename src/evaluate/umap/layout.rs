//! The layout of UMAP: stochastic gradient descent on 2-D positions; neighbours attract, negative samples
//! repel.

use super::{Point, graph::Edge};
use crate::evaluate::FeatureMatrix;
use crate::seed::Stream;
use std::sync::LazyLock;

/// The curve 1 / (1 + a d^2b) that falls off beyond a distance of 0.1, as umap-learn fits it.
const CURVE: (f64, f64) = (1.576_943_460_311_307_7, 0.895_060_877_910_973_3);
/// Negative samples per positive one.
const STRANGERS: f64 = 5.0;
/// Maximum step per coordinate, times the learning rate.
const CLIP: f64 = 4.0;
/// Power iterations for the two directions of greatest variance; accurate enough for a start.
const ROUNDS: usize = 30;

/// An edge, and the number of epochs between its samples.
pub(super) struct Paced {
    edge: Edge,
    every: f64,
}

/// The sampling interval of each edge for this number of epochs; edges that would never be sampled are
/// dropped.
pub(super) struct Epochs {
    edges: Vec<Paced>,
    count: usize,
}

pub(super) fn epochs(edges: Vec<Edge>, count: usize) -> Epochs {
    let top = edges.iter().map(|edge| edge.weight).fold(0.0, f64::max);
    let paced = edges.into_iter().map(|edge| Paced { edge, every: top / edge.weight });
    Epochs { edges: paced.filter(|one| one.every <= count as f64).collect(), count }
}

/// Moves `points` along the edges. Tails are `fixed` points if there are any, else points that also move.
pub(super) fn optimise(
    points: &mut [Point],
    fixed: Option<&[Point]>,
    epochs: &Epochs,
    rate: f64,
    draws: &mut Stream,
) {
    let mut next: Vec<f64> = epochs.edges.iter().map(|one| one.every).collect();
    let mut next_stranger: Vec<f64> = epochs.edges.iter().map(|one| one.every / STRANGERS).collect();
    let tail = |points: &[Point], at: usize| fixed.map_or_else(|| points[at], |fixed| fixed[at]);
    for epoch in 0..epochs.count {
        let rate = rate * (1.0 - epoch as f64 / epochs.count as f64);
        let now = epoch as f64;
        for (at, Paced { edge, every }) in epochs.edges.iter().enumerate() {
            if next[at] > now {
                continue;
            }
            let step = step(points[edge.head], tail(points, edge.tail), pull).map(|step| step * rate);
            points[edge.head] = moved(points[edge.head], step);
            if fixed.is_none() {
                points[edge.tail] = moved(points[edge.tail], step.map(|step| -step));
            }
            next[at] += every;
            let strangers = ((now - next_stranger[at]) / (every / STRANGERS)) as usize;
            for _ in 0..strangers {
                let other = draws.below(fixed.map_or(points.len(), <[Point]>::len));
                if fixed.is_none() && other == edge.head {
                    continue;
                }
                let step = self::step(points[edge.head], tail(points, other), push).map(|step| step * rate);
                points[edge.head] = moved(points[edge.head], step);
            }
            next_stranger[at] += strangers as f64 * every / STRANGERS;
        }
    }
}

fn moved(point: Point, step: Point) -> Point {
    [point[0] + step[0], point[1] + step[1]]
}

/// A step of `from` along the line to `to`, by a force that depends on the squared distance.
fn step(from: Point, to: Point, force: fn(f64) -> f64) -> Point {
    let apart = [from[0] - to[0], from[1] - to[1]];
    let squared = apart[0] * apart[0] + apart[1] * apart[1];
    if squared == 0.0 {
        return [0.0; 2];
    }
    let force = force(squared);
    apart.map(|apart| (force * apart).clamp(-CLIP, CLIP))
}

/// d^2b of a squared distance, in single precision: linear interpolation in a table of 256 entries per
/// octave, accurate to 3e-7 in a tenth of the time.
#[inline]
fn power(squared: f64) -> f64 {
    const BETWEEN: u32 = 15;
    static TABLE: LazyLock<Vec<f32>> = LazyLock::new(|| {
        let places = 0..=f32::MAX.to_bits() >> BETWEEN;
        places.map(|place| libm::pow(f64::from(f32::from_bits(place << BETWEEN)), CURVE.1) as f32).collect()
    });
    let bits = (squared as f32).min(f32::MAX / 2.0).to_bits();
    let (place, share) = ((bits >> BETWEEN) as usize, (bits % (1 << BETWEEN)) as f32 / (1 << BETWEEN) as f32);
    let (low, high) = (TABLE[place], TABLE[place + 1]);
    f64::from(low + (high - low) * share)
}

fn pull(squared: f64) -> f64 {
    let power = power(squared);
    -2.0 * CURVE.0 * CURVE.1 * power / squared / (CURVE.0 * power + 1.0)
}

fn push(squared: f64) -> f64 {
    2.0 * CURVE.1 / ((0.001 + squared) * (CURVE.0 * power(squared) + 1.0))
}

/// Projects each row on the two directions of greatest variance.
pub(super) fn principal_components(features: FeatureMatrix<'_>, draws: &mut Stream) -> Vec<Point> {
    let width = features.width;
    let rows = || features.values.chunks_exact(width);
    let mut mean = vec![0.0; width];
    for row in rows() {
        mean.iter_mut().zip(row).for_each(|(mean, x)| *mean += f64::from(*x) / features.rows() as f64);
    }
    let along = |row: &[f32], direction: &[f64]| -> f64 {
        row.iter().zip(&mean).zip(direction).map(|((x, mean), way)| (f64::from(*x) - mean) * way).sum()
    };
    let mut directions: [Vec<f64>; 2] = std::array::from_fn(|_| (0..width).map(|_| draws.normal()).collect());
    for _ in 0..ROUNDS {
        let mut turned = [vec![0.0; width], vec![0.0; width]];
        for row in rows() {
            for (turned, direction) in turned.iter_mut().zip(&directions) {
                let along = along(row, direction);
                let parts = turned.iter_mut().zip(row).zip(&mean);
                parts.for_each(|((turned, x), mean)| *turned += along * (f64::from(*x) - mean));
            }
        }
        let [first, second] = &mut turned;
        normalise(first);
        let shared: f64 = first.iter().zip(&*second).map(|(a, b)| a * b).sum();
        second.iter_mut().zip(&*first).for_each(|(b, a)| *b -= shared * a);
        normalise(second);
        directions = turned;
    }
    rows().map(|row| [along(row, &directions[0]), along(row, &directions[1])]).collect()
}

fn normalise(direction: &mut [f64]) {
    let length = direction.iter().map(|part| part * part).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
    direction.iter_mut().for_each(|part| *part /= length);
}

/// Rescales each coordinate to 0 … `side`.
pub(super) fn stretch(points: &mut [Point], side: f64) {
    for axis in 0..2 {
        let low = points.iter().map(|point| point[axis]).fold(f64::INFINITY, f64::min);
        let high = points.iter().map(|point| point[axis]).fold(f64::NEG_INFINITY, f64::max);
        let scale = if high > low { side / (high - low) } else { 0.0 };
        points.iter_mut().for_each(|point| point[axis] = (point[axis] - low) * scale);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_powers_is_right() {
        for squared in [0.0, 1e-30, 3.3e-7, 0.02, 0.999, 1.0, 1.003, 7.77, 123.4, 1e9] {
            let (found, expected) = (power(squared), libm::pow(squared, CURVE.1));
            assert!((found - expected).abs() <= 1e-6 * expected, "{squared}: {found}, {expected}");
        }
        assert!(power(1e300).is_finite());
    }
}
