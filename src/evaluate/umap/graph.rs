//! Who is near whom, and how much.

use crate::evaluate::FeatureMatrix;
use crate::evaluate::nearest::arithmetic::{distance, dot};
use crate::evaluate::nearest::nearest_few;
use crate::spec::Metric;
use rayon::prelude::*;

/// Steps of the search for a width; umap-learn's.
const STEPS: usize = 64;
/// A width is at least this share of the mean distance.
const LEAST: f64 = 1e-3;

/// The `(row, distance)` of each query's neighbours, nearest first.
pub(super) type Near = Vec<Vec<(usize, f64)>>;

/// `tail` is near `head`, with a weight between 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Edge {
    pub(super) head: usize,
    pub(super) tail: usize,
    pub(super) weight: f64,
}

/// Whether an image's distances count from its nearest neighbour on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Connectivity {
    /// Within a picture: everyone is fully connected to the nearest other.
    Own,
    /// Of a further image to those of a picture.
    None,
}

/// How far each row is from each other one.
pub(super) fn distances(features: FeatureMatrix<'_>, metric: Metric) -> Vec<Vec<f64>> {
    let lengths: Vec<f64> =
        features.values.chunks_exact(features.width).map(|row| dot(row, row).sqrt()).collect();
    let to = |one: usize, other: usize| {
        let (a, b) = (features.row(one), features.row(other));
        match metric {
            Metric::L2 => distance(a, b),
            Metric::Cosine => angle(dot(a, b) / (lengths[one] * lengths[other]).max(f64::MIN_POSITIVE)),
        }
    };
    // One half mirrors the other.
    let rows = (0..features.rows()).into_par_iter();
    let half: Vec<Vec<f64>> = rows.map(|one| (0..=one).map(|other| to(one, other)).collect()).collect();
    let at = |one: usize, other: usize| half[one.max(other)][one.min(other)];
    (0..half.len()).map(|one| (0..half.len()).map(|other| at(one, other)).collect()).collect()
}

/// A distance by cosine. Rounding can make the cosine of equal directions more than 1.
fn angle(cosine: f64) -> f64 {
    (1.0 - cosine).max(0.0)
}

/// The `k` rows of `among` that are nearest to each query.
pub(super) fn nearest_of(
    queries: FeatureMatrix<'_>,
    among: FeatureMatrix<'_>,
    metric: Metric,
    k: usize,
) -> Near {
    let mut near = nearest_few(among, queries, metric, k);
    for (_, similarity) in near.iter_mut().flatten() {
        *similarity = match metric {
            Metric::L2 => -*similarity,
            Metric::Cosine => angle(*similarity),
        };
    }
    near
}

/// The `k` nearest of each query, exactly; of equal ones the first row.
pub(super) fn nearest(distances: &[Vec<f64>], k: usize) -> Near {
    let of = |distances: &Vec<f64>| {
        let mut all: Vec<(usize, f64)> = distances.iter().copied().enumerate().collect();
        let order = |a: &(usize, f64), b: &(usize, f64)| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0));
        if k < all.len() {
            all.select_nth_unstable_by(k, order);
            all.truncate(k);
        }
        all.sort_by(order);
        all
    };
    distances.par_iter().map(of).collect()
}

/// Weights that fall with distance, so wide for each image that they sum to the logarithm of the number of neighbours.
pub(super) fn weigh(near: &Near, connectivity: Connectivity) -> Vec<Edge> {
    let count = near.iter().map(Vec::len).sum::<usize>().max(1);
    let mean = near.iter().flatten().map(|(_, distance)| distance).sum::<f64>() / count as f64;
    let mut edges = Vec::with_capacity(count);
    for (head, near) in near.iter().enumerate() {
        let first = near.iter().map(|(_, distance)| *distance).find(|distance| *distance > 0.0);
        let from = if connectivity == Connectivity::Own { first.unwrap_or(0.0) } else { 0.0 };
        let own_mean = near.iter().map(|(_, distance)| distance).sum::<f64>() / near.len().max(1) as f64;
        let width = width(near, from).max(LEAST * if from > 0.0 { own_mean } else { mean });
        for &(tail, distance) in near {
            let beyond = distance - from;
            let weight = if beyond <= 0.0 || width == 0.0 { 1.0 } else { libm::exp(-beyond / width) };
            let itself = connectivity == Connectivity::Own && tail == head;
            // A weight that has vanished would be sampled never.
            if !itself && weight > 0.0 {
                edges.push(Edge { head, tail, weight });
            }
        }
    }
    edges
}

/// By bisection. The first neighbour is left out of the sum: within a picture it is the image itself.
fn width(near: &[(usize, f64)], from: f64) -> f64 {
    let wanted = libm::log2(near.len() as f64);
    let (mut low, mut high, mut width) = (0.0, f64::INFINITY, 1.0);
    for _ in 0..STEPS {
        let weight = |(_, distance): &(usize, f64)| {
            let beyond = distance - from;
            if beyond > 0.0 { libm::exp(-beyond / width) } else { 1.0 }
        };
        let sum: f64 = near.iter().skip(1).map(weight).sum();
        if (sum - wanted).abs() < 1e-5 {
            break;
        }
        if sum > wanted {
            high = width;
            width = (low + high) / 2.0;
        } else {
            low = width;
            width = if high.is_finite() { (low + high) / 2.0 } else { width * 2.0 };
        }
    }
    width
}

/// Two images are near if either is near the other: a + b − ab, in both directions.
pub(super) fn union(edges: &[Edge]) -> Vec<Edge> {
    let mut both: Vec<(usize, usize, f64, f64)> = Vec::with_capacity(2 * edges.len());
    for edge in edges {
        both.push((edge.head, edge.tail, edge.weight, 0.0));
        both.push((edge.tail, edge.head, 0.0, edge.weight));
    }
    both.sort_by_key(|&(head, tail, ..)| (head, tail));
    both.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1))
        .map(|same| {
            let there: f64 = same.iter().map(|one| one.2).sum();
            let back: f64 = same.iter().map(|one| one.3).sum();
            Edge { head: same[0].0, tail: same[0].1, weight: there + back - there * back }
        })
        .collect()
}
