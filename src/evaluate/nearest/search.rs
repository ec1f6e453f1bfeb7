//! One block of queries against one block of references: products rank, accurate sums decide.

use super::{
    Neighbour, TILE,
    arithmetic::{distance, dot, highest, mean, product},
    rows::Prepared,
};
use crate::{
    evaluate::{Error, FeatureMatrix},
    ops::gpu::{Gpu, Question},
    spec::Metric,
};
use rayon::prelude::*;

#[derive(Clone, Copy)]
pub(super) struct Groups<'a> {
    pub(super) references: &'a [u32],
    pub(super) queries: &'a [u32],
}

impl Groups<'_> {
    fn excludes(&self, query: usize, reference: usize) -> bool {
        self.references[reference] == self.queries[query]
    }
}

/// The best reference of a query so far.
#[derive(Clone, Copy)]
pub(super) struct Best {
    /// The highest score by product.
    score: f32,
    /// The highest similarity, and its reference.
    exact: f64,
    index: Option<u32>,
}

impl Best {
    pub(super) fn neighbour(self, query: usize) -> Result<Neighbour, Error> {
        let index = self.index.ok_or(Error::NoReference { query })?;
        Ok(Neighbour { index, similarity: self.exact as f32 })
    }
}

impl Default for Best {
    fn default() -> Self {
        Self { score: f32::NEG_INFINITY, exact: f64::NEG_INFINITY, index: None }
    }
}

/// A block of queries and a block of references; rows are counted from the start of each block.
pub(super) struct Search<'a> {
    pub(super) metric: Metric,
    pub(super) groups: Option<Groups<'a>>,
    pub(super) references: &'a Prepared,
    pub(super) queries: &'a Prepared,
    /// The length of the longest reference of this block and the earlier ones.
    pub(super) longest: f64,
    /// The index of the block's first reference among all references.
    pub(super) first: usize,
}

impl Search<'_> {
    /// Compares all queries with all references of the block; the GPU selects the candidates.
    pub(super) fn on(&self, gpu: &Gpu, bests: &mut [Best]) -> Result<(), Error> {
        let margins: Vec<f32> = (0..bests.len()).into_par_iter().map(|query| self.margin(query)).collect();
        let best: Vec<f32> = bests.iter().map(|best| best.score).collect();
        let question = Question {
            references: &self.references.values,
            queries: &self.queries.values,
            width: self.queries.width,
            halves: &self.references.half_squares,
            groups: self.groups.map(|groups| (groups.references, groups.queries)),
            margins: &margins,
            best: &best,
        };
        let candidates = gpu.candidates(&question)?;
        bests.par_iter_mut().zip(candidates).enumerate().for_each(|(query, (best, (score, candidates)))| {
            // Products that may overflow select nothing: compare every reference.
            let Some(candidates) = candidates.filter(|_| margins[query].is_finite()) else {
                return self.improve(std::slice::from_mut(best), query);
            };
            best.score = score;
            candidates.into_iter().for_each(|reference| self.compare(best, reference as usize, query));
        });
        Ok(())
    }

    /// Compares queries, starting at `start`, with all references of the block.
    pub(super) fn improve(&self, bests: &mut [Best], start: usize) {
        let margins: Vec<f32> = (start..start + bests.len()).map(|query| self.margin(query)).collect();
        self.tiles(start, bests.len(), |at, first, scores| {
            self.update(&mut bests[at], scores, first, start + at, margins[at]);
        });
    }

    /// Computes the scores of `count` queries starting at `start`, one tile of references at a time, and
    /// passes on: the query's offset, the first reference of the tile, the scores.
    fn tiles(&self, start: usize, count: usize, mut tell: impl FnMut(usize, usize, &[f32])) {
        let references = self.references.count();
        let mut scores = vec![0f32; count * TILE];
        for first in (0..references).step_by(TILE) {
            let tile = TILE.min(references - first);
            let (queries, references) = (self.queries.some(start, count), self.references.some(first, tile));
            product(queries, references, self.queries.width, &mut scores);
            for at in 0..count {
                let scores = &mut scores[at * TILE..at * TILE + tile];
                self.adjust(scores, first, start + at);
                tell(at, first, scores);
            }
        }
    }

    /// The `k` nearest of `count` queries starting at `start`.
    fn few(&self, start: usize, count: usize, k: usize) -> Vec<Vec<(usize, f64)>> {
        let references = self.references.count();
        let mut all = vec![0f32; count * references];
        self.tiles(start, count, |at, first, scores| {
            all[at * references + first..][..scores.len()].copy_from_slice(scores);
        });
        let of = |(at, scores): (usize, &[f32])| {
            let mut sorted = scores.to_vec();
            // A true neighbour scores at most two errors less than the last of the best by score.
            let (_, last, _) = sorted.select_nth_unstable_by(k.saturating_sub(1), |a, b| b.total_cmp(a));
            let threshold = *last - self.margin(start + at);
            let near =
                scores.iter().enumerate().filter(|(_, score)| **score >= threshold || !threshold.is_finite());
            let mut near: Vec<(usize, f64)> =
                near.map(|(reference, _)| (reference, self.similarity(reference, start + at))).collect();
            near.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            near.truncate(k);
            near
        };
        all.chunks_exact(references).enumerate().map(of).collect()
    }

    /// Turns products into scores, of which the largest is the nearest, and excludes the query's own group.
    fn adjust(&self, scores: &mut [f32], first: usize, query: usize) {
        if self.metric == Metric::L2 {
            for (score, half) in scores.iter_mut().zip(&self.references.half_squares[first..]) {
                *score -= half;
            }
        }
        if let Some(groups) = self.groups {
            let own = groups.queries[query];
            for (score, group) in scores.iter_mut().zip(&groups.references[first..]) {
                *score = if *group == own { f32::NEG_INFINITY } else { *score };
            }
        }
    }

    /// Compares those references of a tile that may be nearer than the best so far.
    fn update(&self, best: &mut Best, scores: &[f32], first: usize, query: usize, margin: f32) {
        let highest = highest(scores);
        best.score = best.score.max(highest);
        let threshold = best.score - margin;
        // Most tiles have no candidate, and one branch-free pass detects that.
        if highest < threshold && margin.is_finite() {
            return;
        }
        for (at, score) in scores.iter().enumerate() {
            let reference = first + at;
            if *score < threshold || self.groups.is_some_and(|groups| groups.excludes(query, reference)) {
                continue;
            }
            self.compare(best, reference, query);
        }
    }

    /// Replaces the best by a nearer reference. Callers keep the references' order, so that the first of
    /// equally near ones stays.
    fn compare(&self, best: &mut Best, reference: usize, query: usize) {
        let exact = self.similarity(reference, query);
        if exact > best.exact {
            (best.exact, best.index) = (exact, Some((self.first + reference) as u32));
        }
    }

    /// Twice the largest error of a score. A dot product of n terms errs by at most n·u·|q|·|r| in any order
    /// of summation (Higham 2002, section 3.1); eight more units cover the centring, the half square and the
    /// subtraction.
    fn margin(&self, query: usize) -> f32 {
        let length = self.queries.length(query) + self.longest;
        let unit = f64::from(f32::EPSILON) / 2.0;
        let square = length * length;
        // Where products may overflow they carry no information: every reference is compared again.
        let known = square < f64::from(f32::MAX);
        if known { (2.02 * (self.queries.width + 8) as f64 * unit * square) as f32 } else { f32::INFINITY }
    }

    pub(super) fn similarity(&self, reference: usize, query: usize) -> f64 {
        let width = self.queries.width;
        let row = |at: usize| at * width..(at + 1) * width;
        let (references, queries) = (self.references, self.queries);
        match self.metric {
            Metric::Cosine => dot(&references.values[row(reference)], &queries.values[row(query)]),
            Metric::L2 => -distance(&references.exact[row(reference)], &queries.exact[row(query)]),
        }
    }
}

/// Queries whose scores with all references are held at once.
const QUERIES_AT_ONCE: usize = 64;

/// The `k` nearest references of each query (all, if there are fewer) and their similarities at full
/// precision: the nearest first; of equally near ones the first row.
pub(in crate::evaluate) fn nearest_few(
    references: FeatureMatrix<'_>,
    queries: FeatureMatrix<'_>,
    metric: Metric,
    k: usize,
) -> Vec<Vec<(usize, f64)>> {
    let (references, queries) = both(references, queries, metric);
    let longest = references.longest();
    let search =
        Search { metric, groups: None, references: &references, queries: &queries, longest, first: 0 };
    let starts: Vec<usize> = (0..queries.count()).step_by(QUERIES_AT_ONCE).collect();
    let of = |start: &usize| {
        search.few(*start, QUERIES_AT_ONCE.min(queries.count() - start), k.min(references.count()))
    };
    starts.par_iter().map(of).collect::<Vec<_>>().concat()
}

/// Whole matrices as blocks.
pub(super) fn both(
    references: FeatureMatrix<'_>,
    queries: FeatureMatrix<'_>,
    metric: Metric,
) -> (Prepared, Prepared) {
    let centre = (metric == Metric::L2).then(|| mean(references));
    let prepare = |matrix: FeatureMatrix<'_>| {
        Prepared::of(matrix.values.to_vec(), matrix.width, metric, centre.as_deref())
    };
    (prepare(references), prepare(queries))
}
