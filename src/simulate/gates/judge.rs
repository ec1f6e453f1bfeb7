//! Nearest neighbours, linear discriminants, macro-F1 and its chance levels.

use dichroic_ops::seed::Seed;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Macro-F1 over the labels of the truth.
pub(super) fn macro_f1(truth: &[&str], guess: &[&str]) -> f64 {
    let mut tally: BTreeMap<&str, [f64; 3]> = truth.iter().map(|&label| (label, [0.0; 3])).collect();
    for (t, g) in truth.iter().zip(guess) {
        if let Some(row) = tally.get_mut(t) {
            row[0] += f64::from(u8::from(t == g));
            row[1] += 1.0;
        }
        if let Some(row) = tally.get_mut(g) {
            row[2] += 1.0;
        }
    }
    tally.values().map(|[hit, real, said]| 2.0 * hit / (real + said)).sum::<f64>() / tally.len() as f64
}

/// The expected macro-F1 of guesses drawn from the label frequencies. A label of share p then has p·p·n hits
/// among p·n true and p·n guessed ones, an F1 of p; the mean over k labels is 1/k however uneven they are.
pub(super) fn chance(truth: &[&str]) -> f64 {
    let labels: std::collections::BTreeSet<_> = truth.iter().collect();
    1.0 / labels.len().max(1) as f64
}

/// The macro-F1 of always guessing the most frequent label.
pub(super) fn constant(truth: &[&str]) -> f64 {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    truth.iter().for_each(|label| *counts.entry(label).or_default() += 1);
    let top = counts.iter().max_by_key(|entry| entry.1).map_or("", |entry| entry.0);
    macro_f1(truth, &vec![top; truth.len()])
}

/// For each image, its nearest other image (Euclidean, features standardised).
pub(super) fn nearest_others(features: &[Vec<f64>]) -> Vec<usize> {
    let points = standardised(features);
    (0..points.len())
        .into_par_iter()
        .map(|query| nearest(&points[query], &points, |other| other != query))
        .collect()
}

/// For each image, its nearest image of another group (Euclidean, features standardised).
pub(super) fn nearest_outside(features: &[Vec<f64>], groups: &[String]) -> Vec<usize> {
    let points = standardised(features);
    (0..points.len())
        .into_par_iter()
        .map(|query| nearest(&points[query], &points, |other| groups[other] != groups[query]))
        .collect()
}

/// SD of the macro-F1 of uninformative neighbours, in a sample of this size: labels are permuted 40 times.
pub(super) fn luck(labels: &[&str], neighbours: &[usize]) -> f64 {
    let mut stream = Seed(0).stream("gates/luck");
    let mut dealt = labels.to_vec();
    let scores: Vec<f64> = (0..40)
        .map(|_| {
            stream.shuffle(&mut dealt);
            let guess: Vec<&str> = neighbours.iter().map(|&n| dealt[n]).collect();
            macro_f1(&dealt, &guess)
        })
        .collect();
    let mean = scores.iter().sum::<f64>() / scores.len() as f64;
    (scores.iter().map(|score| (score - mean).powi(2)).sum::<f64>() / scores.len() as f64).sqrt()
}

/// Assigns each query the label of the nearest reference; both are indices into `features`.
pub(super) fn one_nn<'a>(
    features: &[Vec<f64>],
    labels: &[&'a str],
    references: &[bool],
    queries: &[usize],
) -> Vec<&'a str> {
    let points = standardised(features);
    queries
        .par_iter()
        .map(|&query| labels[nearest(&points[query], &points, |other| references[other])])
        .collect()
}

fn nearest(query: &[f32], points: &[Vec<f32>], allowed: impl Fn(usize) -> bool) -> usize {
    let mut best = (f32::INFINITY, 0);
    for (index, point) in points.iter().enumerate() {
        let far: f32 = query.iter().zip(point).map(|(a, b)| (a - b) * (a - b)).sum();
        if far < best.0 && allowed(index) {
            best = (far, index);
        }
    }
    best.1
}

fn standardised(features: &[Vec<f64>]) -> Vec<Vec<f32>> {
    let (rows, columns) = (features.len() as f64, features.first().map_or(0, Vec::len));
    let mut scaled = vec![Vec::with_capacity(columns); features.len()];
    for column in 0..columns {
        let mean = features.iter().map(|row| row[column]).sum::<f64>() / rows;
        let sd = (features.iter().map(|row| (row[column] - mean).powi(2)).sum::<f64>() / rows).sqrt();
        for (row, values) in scaled.iter_mut().zip(features) {
            row.push(((values[column] - mean) / sd.max(1e-9)) as f32);
        }
    }
    scaled
}

/// A linear discriminant with one covariance for all labels.
pub(super) struct Discriminant<'a> {
    labels: Vec<&'a str>,
    weights: Vec<Vec<f64>>,
    offsets: Vec<f64>,
}

impl<'a> Discriminant<'a> {
    /// Fits it; with `even`, as if all labels were equally frequent.
    pub(super) fn fit(points: &[&[f64]], labels: &[&'a str], even: bool) -> Self {
        let width = points.first().map_or(0, |point| point.len());
        let mut groups: BTreeMap<&'a str, (f64, Vec<f64>)> = BTreeMap::new();
        for (point, &label) in points.iter().zip(labels) {
            let (count, mean) = groups.entry(label).or_insert_with(|| (0.0, vec![0.0; width]));
            *count += 1.0;
            mean.iter_mut().zip(*point).for_each(|(m, x)| *m += x);
        }
        for (count, mean) in groups.values_mut() {
            mean.iter_mut().for_each(|m| *m /= *count);
        }
        let mut covariance = vec![vec![0.0; width]; width];
        for (point, label) in points.iter().zip(labels) {
            let off: Vec<f64> = point.iter().zip(&groups[label].1).map(|(x, m)| x - m).collect();
            for (row, a) in covariance.iter_mut().zip(&off) {
                row.iter_mut().zip(&off).for_each(|(entry, b)| *entry += a * b / points.len() as f64);
            }
        }
        for (index, row) in covariance.iter_mut().enumerate() {
            row[index] += 1e-3;
        }
        let mut found = Self { labels: vec![], weights: vec![], offsets: vec![] };
        for (label, (count, mean)) in groups {
            let weight = solve(covariance.clone(), mean.clone());
            let half: f64 = weight.iter().zip(&mean).map(|(w, m)| w * m).sum::<f64>() / 2.0;
            let prior = if even { 0.0 } else { (count / points.len() as f64).ln() };
            found.labels.push(label);
            found.weights.push(weight);
            found.offsets.push(prior - half);
        }
        found
    }

    /// The most likely label.
    pub(super) fn guess(&self, point: &[f64]) -> &'a str {
        let score = |index: usize| -> f64 {
            self.offsets[index] + self.weights[index].iter().zip(point).map(|(w, x)| w * x).sum::<f64>()
        };
        let best = (0..self.labels.len()).max_by(|&a, &b| score(a).total_cmp(&score(b)));
        best.map_or("", |index| self.labels[index])
    }
}

/// Solves a symmetric positive definite system by elimination; the diagonal needs no pivoting.
fn solve(mut matrix: Vec<Vec<f64>>, mut right: Vec<f64>) -> Vec<f64> {
    let n = right.len();
    for pivot in 0..n {
        let (above, below) = matrix.split_at_mut(pivot + 1);
        for (row, line) in (pivot + 1..).zip(below) {
            let factor = line[pivot] / above[pivot][pivot];
            line.iter_mut().zip(&above[pivot]).skip(pivot).for_each(|(value, top)| *value -= factor * top);
            right[row] -= factor * right[pivot];
        }
    }
    for row in (0..n).rev() {
        let known: f64 = (row + 1..n).map(|column| matrix[row][column] * right[column]).sum();
        right[row] = (right[row] - known) / matrix[row][row];
    }
    right
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn macro_f1_and_floors_by_hand() {
        let truth = ["a", "a", "a", "b", "b", "c"];
        let guess = ["a", "x", "b", "b", "x", "a"];
        // a: 2·1/(3+2), b: 2·1/(2+2), c: 0.
        assert!((macro_f1(&truth, &guess) - (0.4 + 0.5) / 3.0).abs() < 1e-12);
        assert!((constant(&truth) - (2.0 * 3.0 / 9.0) / 3.0).abs() < 1e-12);
        assert!((chance(&truth) - 1.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn a_discriminant_tells_two_tilted_clouds_apart() {
        let points: Vec<[f64; 2]> = (0..40)
            .map(|i| {
                let along = f64::from(i / 2);
                let side = if i % 2 == 0 { 1.0 } else { -1.0 };
                [along + side, along - side]
            })
            .collect();
        let labels: Vec<&str> = (0..40).map(|i| if i % 2 == 0 { "left" } else { "right" }).collect();
        let slices: Vec<&[f64]> = points.iter().map(|p| &p[..]).collect();
        let fitted = Discriminant::fit(&slices, &labels, true);
        assert!(slices.iter().zip(&labels).all(|(point, label)| fitted.guess(point) == *label));
    }

    #[test]
    fn neighbours_are_found_without_oneself() {
        let features: Vec<Vec<f64>> = [0.0, 0.1, 5.0, 5.1].iter().map(|&x| vec![x]).collect();
        assert_eq!(nearest_others(&features), [1, 0, 3, 2]);
    }
}
