//! The fuzzy neighbourhood graph of UMAP: exact nearest neighbours and edge weights.

use crate::evaluate::FeatureMatrix;
use crate::evaluate::one_nn::arithmetic::{distance, dot};
use crate::evaluate::one_nn::nearest_few;
use crate::spec::Metric;
use rayon::prelude::*;

/// Bisection steps for a bandwidth; umap-learn's.
const STEPS: usize = 64;
/// Minimum bandwidth, as a share of the mean distance.
const MIN_BANDWIDTH: f64 = 1e-3;

/// The `(row, distance)` of each query's neighbours, nearest first.
pub(super) type Near = Vec<Vec<(usize, f64)>>;

/// `tail` is a neighbour of `head`, with a weight between 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Edge {
    pub(super) head: usize,
    pub(super) tail: usize,
    pub(super) weight: f64,
}

/// Whether distances are measured from an image's nearest neighbour.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Connectivity {
    /// Within the embedding: every image is fully connected to its nearest other.
    Own,
    /// From a new image to those of the embedding.
    None,
}

/// Pairwise distances between all rows.
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
    // The matrix is symmetric.
    let rows = (0..features.rows()).into_par_iter();
    let half: Vec<Vec<f64>> = rows.map(|one| (0..=one).map(|other| to(one, other)).collect()).collect();
    let at = |one: usize, other: usize| half[one.max(other)][one.min(other)];
    (0..half.len()).map(|one| (0..half.len()).map(|other| at(one, other)).collect()).collect()
}

/// Cosine distance. Rounding can give equal directions a cosine above 1.
fn angle(cosine: f64) -> f64 {
    (1.0 - cosine).max(0.0)
}

/// The `k` rows of `among` nearest to each query.
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

/// The exact `k` nearest of each query; ties go to the first row.
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

/// Weights that decay with distance, with a bandwidth per image such that they sum to log2 of the number of
/// neighbours.
pub(super) fn weigh(near: &Near, connectivity: Connectivity) -> Vec<Edge> {
    let count = near.iter().map(Vec::len).sum::<usize>().max(1);
    let mean = near.iter().flatten().map(|(_, distance)| distance).sum::<f64>() / count as f64;
    let mut edges = Vec::with_capacity(count);
    for (head, near) in near.iter().enumerate() {
        let first = near.iter().map(|(_, distance)| *distance).find(|distance| *distance > 0.0);
        let from = if connectivity == Connectivity::Own { first.unwrap_or(0.0) } else { 0.0 };
        let own_mean = near.iter().map(|(_, distance)| distance).sum::<f64>() / near.len().max(1) as f64;
        let width = width(near, from).max(MIN_BANDWIDTH * if from > 0.0 { own_mean } else { mean });
        for &(tail, distance) in near {
            let beyond = distance - from;
            let weight = if beyond <= 0.0 || width == 0.0 { 1.0 } else { libm::exp(-beyond / width) };
            let itself = connectivity == Connectivity::Own && tail == head;
            // A weight that underflowed to 0 would never be sampled.
            if !itself && weight > 0.0 {
                edges.push(Edge { head, tail, weight });
            }
        }
    }
    edges
}

/// By bisection. The first neighbour is not in the sum: within the embedding it is the image itself.
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

/// Fuzzy union: two images are neighbours if either is the other's: a + b − ab, in both directions.
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
