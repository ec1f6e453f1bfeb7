//! UMAP: a picture of features in the plane, and the place of further images in that picture.
//!
//! As umap-learn 0.5 computes it (McInnes, Healy, Melville 2018): [`graph`] finds exact neighbours and weighs them,
//! [`layout`] pulls neighbours together and pushes strangers apart. Written here because nothing in Rust places further
//! points in a finished picture, and because every draw comes from a named stream: one seed, one picture, on any number
//! of threads.

mod graph;
mod layout;

use super::FeatureMatrix;
use crate::seed::Seed;
use crate::spec::Metric;
use graph::{Connectivity, Edge};

/// A place in the plane.
pub type Point = [f64; 2];

/// Neighbours that an image is held together with, itself among them: umap-learn's default.
pub const NEIGHBOURS: usize = 15;
/// Passes over the edges of a picture, and over those of further images: umap-learn's choice up to 10,000 images.
const EPOCHS: (usize, usize) = (500, 100);
/// Length of the first steps, and of those that place further images.
const RATES: (f64, f64) = (1.0, 0.25);
/// The longer side of a picture before the first step.
const SIDE: f64 = 10.0;

/// A picture of some images, in which others can be placed.
pub struct Umap<'a> {
    features: FeatureMatrix<'a>,
    metric: Metric,
    seed: Seed,
    /// How far each image of the fit is from each other.
    distances: Vec<Vec<f64>>,
    /// Where each image of the fit lies, row by row.
    pub points: Vec<Point>,
}

impl<'a> Umap<'a> {
    /// The picture of `features`, one row for each image. It starts from the first two principal components.
    ///
    /// # Panics
    /// With fewer than three images.
    pub fn fit(features: FeatureMatrix<'a>, metric: Metric, seed: Seed) -> Self {
        assert!(features.rows() > 2, "a picture needs three images");
        let distances = graph::distances(features, metric);
        let near = graph::nearest(&distances, NEIGHBOURS.min(features.rows()));
        let edges = graph::union(&graph::weigh(&near, Connectivity::Own));
        let mut points = layout::principal_components(features, &mut seed.stream("umap/start"));
        layout::stretch(&mut points, SIDE);
        let epochs = layout::epochs(edges, EPOCHS.0);
        layout::optimise(&mut points, None, &epochs, RATES.0, &mut seed.stream("umap/fit"));
        Self { features, metric, seed, distances, points }
    }

    /// The places of further images. Each begins at the mean of its neighbours, weighed as the graph weighs them, and moves
    /// a little, while the picture stays as it is; images do not move each other.
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

    /// Venna and Kaski's trustworthiness (2001), as scikit-learn computes it: 1 minus a penalty for whoever is among the
    /// `k` nearest in the plane and not in truth, by how far down the true list they stand. Of `k` neighbours, or of a
    /// third of the images if that is fewer.
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

/// How many of `queries` have the label that most of their five nearest among `points` have, as a share; of labels with
/// equally many the smallest. `itself`: the queries are the points, and none counts for itself.
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
