//! One block of queries against one block of references: products rank, accurate sums decide, and where these cannot,
//! whole numbers do.

use super::{
    Neighbour, TILE,
    arithmetic::{UNIT, narrow, peaks, product, products, squares, sum_error},
    exact::Exact,
    frame::Frame,
    rows::Prepared,
};
use crate::{
    evaluate::{Error, FeatureMatrix, Truth, features::Extent},
    ops::gpu::{Gpu, Question},
    spec::Metric,
};
use rayon::prelude::*;
use std::cmp::Ordering;

/// The best reference of a query so far.
#[derive(Clone, Debug)]
pub(super) struct Best {
    /// The highest score that some reference reaches for certain, up to the query's own error.
    least: f32,
    near: Near,
    /// Its index among all references.
    index: Option<u32>,
    /// How near it is without rounding, once that was asked.
    exact: Option<Box<Exact>>,
    /// Whether a reference that is exactly as near has another label.
    tied: bool,
}

/// How near a reference is to a query by accurate sums: the greater `value`, the nearer, up to `error`.
#[derive(Clone, Copy, Debug)]
struct Near {
    value: f64,
    error: f64,
}

impl Best {
    pub(super) fn neighbour(self, metric: Metric, length: f64, query: usize) -> Result<Neighbour, Error> {
        let index = self.index.ok_or(Error::NoReference { query })?;
        Ok(Neighbour {
            index,
            similarity: narrow(similarity(self.near.value, metric, length)),
            tied: self.tied,
        })
    }
}

impl Default for Best {
    fn default() -> Self {
        let near = Near { value: f64::NEG_INFINITY, error: 0.0 };
        Self { least: f32::NEG_INFINITY, near, index: None, exact: None, tied: false }
    }
}

/// The cosine, or minus the distance, of what is compared; `length` is the query's.
fn similarity(value: f64, metric: Metric, length: f64) -> f64 {
    match metric {
        Metric::Cosine => (value / length).clamp(-1.0, 1.0),
        Metric::L2 => -(-value).sqrt(),
    }
}

/// A block of queries and a block of references; rows are counted from the start of each block.
pub(super) struct Search<'a> {
    pub(super) metric: Metric,
    pub(super) references: &'a Prepared,
    pub(super) queries: &'a Prepared,
    /// The group of each query.
    pub(super) groups: Option<&'a [u32]>,
    /// The labels of all references.
    pub(super) labels: Option<&'a [Truth]>,
    /// The index of the block's first reference among all references.
    pub(super) first: usize,
}

impl Search<'_> {
    /// Compares all queries with all references of the block; the GPU selects the candidates.
    pub(super) fn on(&self, gpu: &Gpu, bests: &mut [Best]) -> Result<(), Error> {
        // One margin for all references, by the least exact of them; a quarter more for its subtraction in float32.
        let largest = self.references.largest_error();
        let best: Vec<f32> = bests.iter().map(|best| best.least).collect();
        let rounding = |best: f32| if best.is_finite() { best.abs() * f32::EPSILON } else { 0.0 };
        let margin = |(error, best): (&f64, &f32)| (2.5 * (error + largest)) as f32 + rounding(*best);
        let margins: Vec<f32> = self.queries.errors.iter().zip(&best).map(margin).map(f32::next_up).collect();
        let question = Question {
            references: &self.references.values,
            queries: &self.queries.values,
            width: self.queries.width,
            halves: &self.references.low,
            groups: self.references.groups.as_deref().zip(self.groups),
            margins: &margins,
            best: &best,
        };
        let candidates = if largest.is_finite() { gpu.candidates(&question)? } else { vec![] };
        bests.par_iter_mut().enumerate().for_each(|(query, best)| match candidates.get(query) {
            Some((least, Some(candidates))) if margins[query].is_finite() => {
                best.least = *least;
                candidates.iter().for_each(|reference| self.compare(best, *reference as usize, query));
            }
            // Too many, or products without information.
            _ => self.improve(std::slice::from_mut(best), query),
        });
        Ok(())
    }

    /// Compares queries, starting at `start`, with all references of the block.
    pub(super) fn improve(&self, bests: &mut [Best], start: usize) {
        self.tiles(start, bests.len(), |at, first, products| {
            self.update(&mut bests[at], products, first, start + at);
        });
    }

    /// Keeps of the bests in this block what a comparison with references of later blocks may need.
    pub(super) fn keep(&self, bests: &mut [Best]) {
        bests.par_iter_mut().enumerate().for_each(|(query, best)| self.remember(best, query));
    }

    /// How near the best is without rounding. Those of earlier blocks are remembered.
    fn remember(&self, best: &mut Best, query: usize) {
        if best.exact.is_none() && best.index.is_some() {
            best.exact = Some(Box::new(self.exact(self.place(best), query)));
        }
    }

    /// Computes the products of `count` queries starting at `start`, one tile of references at a time, and
    /// passes on: the query's offset, the first reference of the tile, the products. Those of the query's own group are
    /// minus infinity.
    fn tiles(&self, start: usize, count: usize, mut tell: impl FnMut(usize, usize, &[f32])) {
        let references = self.references.count();
        let groups = self.references.groups.as_deref().zip(self.groups);
        let stride = TILE.min(references);
        let mut scores = vec![0f32; count * stride];
        for first in (0..references).step_by(TILE) {
            let tile = TILE.min(references - first);
            let (queries, references) = (self.queries.some(start, count), self.references.some(first, tile));
            product(queries, references, self.queries.width, &mut scores, stride);
            for at in 0..count {
                let scores = &mut scores[at * stride..at * stride + tile];
                if let Some((groups, own)) = groups {
                    let own = own[start + at];
                    for (score, group) in scores.iter_mut().zip(&groups[first..]) {
                        *score = if *group == own { f32::NEG_INFINITY } else { *score };
                    }
                }
                tell(at, first, scores);
            }
        }
    }

    /// Compares those references of a tile that may be as near as the best so far.
    fn update(&self, best: &mut Best, products: &[f32], first: usize, query: usize) {
        let some = first..first + products.len();
        let [least, most] = peaks(products, &self.references.low[some.clone()], &self.references.high[some]);
        best.least = best.least.max(least);
        let threshold = self.threshold(best.least, query);
        // Most tiles have no candidate, and one branch-free pass detects that.
        if most < threshold {
            return;
        }
        for (at, (product, high)) in products.iter().zip(&self.references.high[first..]).enumerate() {
            let excluded = *product == f32::NEG_INFINITY;
            if !excluded && product - high >= threshold {
                self.compare(best, first + at, query);
            }
        }
    }

    /// The lowest score of a reference that may be as near as one that reaches `least`: both may be off by the query's
    /// share.
    fn threshold(&self, least: f32, query: usize) -> f32 {
        narrow(f64::from(least) - 2.0 * self.queries.errors[query]).next_down()
    }

    /// The `k` nearest of `count` queries starting at `start`.
    fn few(&self, start: usize, count: usize, k: usize) -> Vec<Vec<(usize, f64)>> {
        let references = self.references.count();
        let mut all = vec![0f32; count * references];
        self.tiles(start, count, |at, first, products| {
            all[at * references + first..][..products.len()].copy_from_slice(products);
        });
        let Prepared { low, high, .. } = self.references;
        let of = |(at, products): (usize, &[f32])| {
            let query = start + at;
            let mut sorted: Vec<f32> = products.iter().zip(low).map(|(product, low)| product - low).collect();
            let (_, last, _) = sorted.select_nth_unstable_by(k.saturating_sub(1), |a, b| b.total_cmp(a));
            let threshold = self.threshold(*last, query);
            let scores = products.iter().zip(high).enumerate();
            let near = scores.filter(|(_, (product, high))| **product - **high >= threshold);
            let mut near: Vec<(usize, f64)> =
                near.map(|(reference, _)| (reference, self.similarity(reference, query))).collect();
            near.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            near.truncate(k);
            near
        };
        all.chunks_exact(references).enumerate().map(of).collect()
    }

    /// Replaces the best by a nearer reference. Callers keep the references' order, so that the first of
    /// equally near ones stays.
    fn compare(&self, best: &mut Best, reference: usize, query: usize) {
        let near = self.near(reference, query);
        let mut exact = None;
        let order = match (near.value - best.near.value, near.error + best.near.error) {
            (apart, error) if apart > error => Ordering::Greater,
            (apart, error) if apart < -error => Ordering::Less,
            _ => self.exact_order(best, &mut exact, reference, query),
        };
        let index = (self.first + self.references.places[reference] as usize) as u32;
        let mixed = self.references.mixed[reference];
        match order {
            Ordering::Less => {}
            Ordering::Equal => {
                let label = |index: u32| self.labels.map(|labels| labels[index as usize]);
                best.tied |= mixed || best.index.and_then(label) != label(index);
            }
            Ordering::Greater => {
                *best = Best {
                    least: best.least,
                    near,
                    index: Some(index),
                    exact: exact.map(Box::new),
                    tied: mixed,
                };
            }
        }
    }

    fn exact_order(
        &self,
        best: &mut Best,
        exact: &mut Option<Exact>,
        reference: usize,
        query: usize,
    ) -> Ordering {
        if best.index.is_none() {
            return Ordering::Greater;
        }
        self.remember(best, query);
        let own = exact.insert(self.exact(reference, query));
        best.exact.as_ref().map_or(Ordering::Greater, |best| (*own).cmp(best))
    }

    /// The row of the block that is the best.
    fn place(&self, best: &Best) -> usize {
        let index = best.index.map_or(0, |index| index - self.first as u32);
        self.references.places.partition_point(|place| *place < index)
    }

    fn exact(&self, reference: usize, query: usize) -> Exact {
        Exact::of(self.queries.row(query), self.references.row(reference), self.metric)
    }

    /// How near a reference is: by cosine the product with the query over the reference's length, by distance minus its
    /// square.
    ///
    /// The product errs by [`sum_error`] of the sum of its terms' sizes, the length by half of that relative to itself,
    /// two operations by a unit each; a squared distance by `sum_error` and three units of itself.
    fn near(&self, reference: usize, query: usize) -> Near {
        let (own, other) = (self.queries.row(query), self.references.row(reference));
        let subnormal = self.queries.subnormal || self.references.subnormal;
        let sums = sum_error(own.len());
        match self.metric {
            Metric::Cosine => {
                let [dot, sizes] =
                    if subnormal { products::<true>(own, other) } else { products::<false>(own, other) };
                // Rows of zeros are refused, except in a map of features.
                let length = self.references.lengths[reference].max(f64::MIN_POSITIVE);
                Near { value: dot / length, error: 1.01 * (1.5 * sums + 4.0 * UNIT) * sizes / length }
            }
            Metric::L2 => {
                let square =
                    if subnormal { squares::<true>(own, other) } else { squares::<false>(own, other) };
                Near { value: -square, error: 1.01 * (sums + 4.0 * UNIT) * square }
            }
        }
    }

    pub(super) fn similarity(&self, reference: usize, query: usize) -> f64 {
        let length = self.queries.lengths.get(query).copied().unwrap_or(1.0);
        similarity(self.near(reference, query).value, self.metric, length)
    }
}

/// Queries whose scores with all references are held at once.
const QUERIES_AT_ONCE: usize = 64;

/// The `k` nearest references of each query (all, if there are fewer) and their similarities at full
/// precision: the nearest first; of equally near ones the first row. Rows of zeros have the cosine 0 to all.
pub(in crate::evaluate) fn nearest_few(
    references: FeatureMatrix<'_>,
    queries: FeatureMatrix<'_>,
    metric: Metric,
    k: usize,
) -> Vec<Vec<(usize, f64)>> {
    let (references, queries) = both(references, queries, metric);
    let (references, queries) = (&references, &queries);
    let search = Search { metric, references, queries, groups: None, labels: None, first: 0 };
    let starts: Vec<usize> = (0..queries.count()).step_by(QUERIES_AT_ONCE).collect();
    let of = |start: &usize| {
        search.few(*start, QUERIES_AT_ONCE.min(queries.count() - start), k.min(references.count()))
    };
    starts.par_iter().map(of).collect::<Vec<_>>().concat()
}

/// Whole matrices as blocks; equal references are all kept.
pub(super) fn both(
    references: FeatureMatrix<'_>,
    queries: FeatureMatrix<'_>,
    metric: Metric,
) -> (Prepared, Prepared) {
    let extent = Extent::of(references.values).and(Extent::of(queries.values));
    let sample = Frame::sample(references.rows()).map(|row| references.row(row as usize).to_vec());
    let frame = Frame::around(sample.collect(), references.width, metric, extent);
    let prepare = |matrix: FeatureMatrix<'_>| Prepared::of(matrix.values.to_vec(), matrix.width, &frame);
    (prepare(references).answering(), prepare(queries))
}
