//! UMAP: a 2-D embedding of features, and projection of further images into it.
//!
//! As umap-learn 0.5 computes it (McInnes, Healy, Melville 2018): [`graph`] finds exact neighbours and
//! weights them, [`layout`] optimises positions. Written here because no Rust crate projects further points
//! into a finished embedding, and because every draw comes from a named stream: one seed gives one embedding,
//! on any number of threads.

mod graph;
mod layout;

use super::FeatureMatrix;
use crate::seed::Seed;
use crate::spec::Metric;
use graph::{Connectivity, Edge};

/// A position in the plane.
pub type Point = [f64; 2];

/// Number of neighbours, including the image itself: umap-learn's default.
pub const NEIGHBOURS: usize = 15;
/// Epochs of the embedding, and of projecting further images: umap-learn's choice up to 10,000 images.
const EPOCHS: (usize, usize) = (500, 100);
/// Initial learning rates of the embedding, and of projecting further images.
const RATES: (f64, f64) = (1.0, 0.25);
/// The longer side of the initial positions.
const START_SIDE: f64 = 10.0;

/// An embedding of some images, into which others can be projected.
pub struct Umap<'a> {
    features: FeatureMatrix<'a>,
    metric: Metric,
    seed: Seed,
    /// Distances between the images of the fit.
    distances: Vec<Vec<f64>>,
    /// Positions of the images of the fit, row by row.
    pub points: Vec<Point>,
}

impl<'a> Umap<'a> {
    /// The embedding of `features`, one row per image. It starts from the first two principal components.
    ///
    /// # Panics
    /// With less than three images.
    pub fn fit(features: FeatureMatrix<'a>, metric: Metric, seed: Seed) -> Self {
        assert!(features.rows() > 2, "an embedding needs three images");
        let distances = graph::distances(features, metric);
        let near = graph::nearest(&distances, NEIGHBOURS.min(features.rows()));
        let edges = graph::union(&graph::weigh(&near, Connectivity::Own));
        let mut points = layout::principal_components(features, &mut seed.stream("umap/start"));
        layout::stretch(&mut points, START_SIDE);
        let epochs = layout::epochs(edges, EPOCHS.0);
        layout::optimise(&mut points, None, &epochs, RATES.0, &mut seed.stream("umap/fit"));
        Self { features, metric, seed, distances, points }
    }

    /// Positions of further images. Each starts at the weighted mean of its neighbours and is optimised while
    /// the embedding stays fixed; further images do not affect each other.
    pub fn place(&self, others: FeatureMatrix<'_>) -> Vec<Point> {
        let near = graph::nearest_of(others, self.features, self.metric, NEIGHBOURS);
        let edges: Vec<Edge> = graph::weigh(&near, Connectivity::None);
        let mut points = vec![[0.0; 2]; others.rows()];
        let mut total = vec![0.0; others.rows()];
        for edge in &edges {
            let [x, y] = self.points[edge.tail];
            points[edge.head][0] += edge.weight * x;
            points[edge.head][1] += edge.weight * y;
            total[edge.head] += edge.weight;
        }
        for (point, total) in points.iter_mut().zip(total) {
            *point = point.map(|coordinate| coordinate / total.max(f64::MIN_POSITIVE));
        }
        let epochs = layout::epochs(edges, EPOCHS.1);
        layout::optimise(
            &mut points,
            Some(&self.points),
            &epochs,
            RATES.1,
            &mut self.seed.stream("umap/place"),
        );
        points
    }

    /// Venna and Kaski's trustworthiness (2001), as scikit-learn computes it: 1 minus a penalty for images
    /// that are among the `k` nearest in the plane but not in feature space, by their rank there. With `k`
    /// neighbours, or a third of the images if that is fewer.
    pub fn trustworthiness(&self, k: usize) -> f64 {
        let n = self.points.len();
        let k = k.min(n / 3).max(1);
        let flat: Vec<f32> = self.points.iter().flatten().map(|x| *x as f32).collect();
        let plane = FeatureMatrix { width: 2, values: &flat };
        let shown = graph::nearest(&graph::distances(plane, Metric::L2), k + 1);
        let penalty = |(image, shown): (usize, &Vec<(usize, f64)>)| -> usize {
            let truth = &self.distances[image];
            let before = |one: usize, other: usize| (truth[one], one) < (truth[other], other);
            let others = shown.iter().map(|(other, _)| *other).filter(|other| *other != image).take(k);
            others
                .map(|other| (0..n).filter(|one| *one != image && before(*one, other)).count() + 1)
                .map(|rank| rank.saturating_sub(k))
                .sum()
        };
        let sum: usize = shown.iter().enumerate().map(penalty).sum();
        let (n, k) = (n as f64, k as f64);
        1.0 - sum as f64 * 2.0 / (n * k * (2.0 * n - 3.0 * k - 1.0))
    }
}

/// Share of `queries` whose label is the majority among their five nearest of `points`; ties go to the
/// smallest label. `itself`: the queries are the points, and none counts for itself.
pub fn five_nn(points: &[Point], labels: &[usize], queries: &[Point], truth: &[usize], itself: bool) -> f64 {
    let flat = |points: &[Point]| -> Vec<f32> { points.iter().flatten().map(|x| *x as f32).collect() };
    let (among, asked) = (flat(points), flat(queries));
    let plane = |values| FeatureMatrix { width: 2, values };
    let near = graph::nearest_of(plane(&asked), plane(&among), Metric::L2, 6);
    let classes = labels.iter().max().map_or(0, |top| top + 1);
    let right = near.iter().enumerate().filter(|(query, near)| {
        let mut votes = vec![0; classes];
        let others = near.iter().filter(|(row, _)| !(itself && row == query)).take(5);
        others.for_each(|(row, _)| votes[labels[*row]] += 1);
        (0..classes).min_by_key(|label| std::cmp::Reverse(votes[*label])) == Some(truth[*query])
    });
    right.count() as f64 / queries.len() as f64
}

#[cfg(test)]
mod tests;
