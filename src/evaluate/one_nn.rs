//! Who is nearest: exact search by blocked matrix products, with ties that go to the first reference.
//!
//! Products in float32 only choose candidates. Every reference whose product lies within the rounding error of
//! the best is compared again in float64, in a fixed order of sums. The answer is therefore the true nearest row,
//! the same for any number of threads, block size and instruction set; where float32 rounds two different
//! distances to one, faiss's answer is a matter of luck and ours is not. A GPU only chooses candidates, so that its
//! answers are the same.

pub(super) mod arithmetic;

use super::{Error, FeatureMatrix};
use crate::{
    ops::gpu::{Gpu, Question},
    spec::Metric,
};
use arithmetic::{direction, distance, dot, highest, mean, product};
use candle_core::Device;
use rayon::prelude::*;

/// The group of references that no query leaves out. Not a group that a query can have.
pub const NO_GROUP: u32 = u32::MAX;

/// References in one product, and at most that many queries: both operands stay in the second-level cache.
const TILE: usize = 1024;

/// The reference that is nearest to a query.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbour {
    /// Row among the references.
    pub index: u32,
    /// The cosine, or minus the Euclidean distance.
    pub similarity: f32,
}

/// The nearest reference of each query; among equally near ones the first.
///
/// # Errors
/// [`Error::NotFinite`] and [`Error::ZeroRow`] (cosine) name the row, of the references first;
/// [`Error::Mismatch`] if the widths differ; [`Error::Empty`] if there is no reference.
pub fn nearest(
    references: FeatureMatrix<'_>,
    queries: FeatureMatrix<'_>,
    metric: Metric,
    on: &Device,
) -> Result<Vec<Neighbour>, Error> {
    search(references, queries, metric, None, on)
}

/// The same, but references of a query's own group do not count. Group of a reference that everybody may
/// use: [`NO_GROUP`].
///
/// # Errors
/// As [`nearest`]; [`Error::NoReference`] if a query has no reference outside its group.
pub fn nearest_outside_group(
    references: FeatureMatrix<'_>,
    reference_groups: &[u32],
    queries: FeatureMatrix<'_>,
    query_groups: &[u32],
    metric: Metric,
    on: &Device,
) -> Result<Vec<Neighbour>, Error> {
    for (what, expected, found) in [
        ("groups of references", references.rows(), reference_groups.len()),
        ("groups of queries", queries.rows(), query_groups.len()),
    ] {
        if expected != found {
            return Err(Error::Mismatch { what, expected, found });
        }
    }
    let groups = Groups { references: reference_groups, queries: query_groups };
    search(references, queries, metric, Some(groups), on)
}

/// The `k` nearest references of each query (all, if there are fewer) and their similarities, as precise as they can be
/// had: the nearest first, of equally near ones the first row.
pub(super) fn nearest_few(
    references: FeatureMatrix<'_>,
    queries: FeatureMatrix<'_>,
    metric: Metric,
    k: usize,
) -> Vec<Vec<(usize, f64)>> {
    let search = Search::new(references, queries, metric, None);
    let starts: Vec<usize> = (0..queries.rows()).step_by(FEW).collect();
    let of = |start: &usize| search.few(*start, FEW.min(queries.rows() - start), k.min(references.rows()));
    starts.par_iter().map(of).collect::<Vec<_>>().concat()
}

/// Queries whose scores with all references are held at once.
const FEW: usize = 64;

#[derive(Clone, Copy)]
struct Groups<'a> {
    references: &'a [u32],
    queries: &'a [u32],
}

impl Groups<'_> {
    fn excludes(&self, query: usize, reference: usize) -> bool {
        self.references[reference] == self.queries[query]
    }
}

fn search(
    references: FeatureMatrix<'_>,
    queries: FeatureMatrix<'_>,
    metric: Metric,
    groups: Option<Groups<'_>>,
    on: &Device,
) -> Result<Vec<Neighbour>, Error> {
    if references.width != queries.width {
        let (expected, found) = (references.width, queries.width);
        return Err(Error::Mismatch { what: "columns of the queries", expected, found });
    }
    if references.rows() == 0 {
        return Err(Error::Empty { what: "reference" });
    }
    references.check(0..references.rows() as u32, metric)?;
    queries.check(0..queries.rows() as u32, metric)?;
    let search = Search::new(references, queries, metric, groups);
    if let Some(gpu) = Gpu::at(on) {
        return search.on(&gpu);
    }
    // Any block size gives the same answer, so it may follow the number of threads.
    let block = queries.rows().div_ceil(rayon::current_num_threads()).clamp(64, TILE);
    let starts: Vec<usize> = (0..queries.rows()).step_by(block).collect();
    let found: Vec<Vec<Neighbour>> = starts
        .par_iter()
        .map(|&start| search.block(start, block.min(queries.rows() - start)))
        .collect::<Result<_, _>>()?;
    Ok(found.concat())
}

/// Operands whose product ranks the references: directions, or centred rows and half their squared norms.
struct Search<'a> {
    metric: Metric,
    groups: Option<Groups<'a>>,
    width: usize,
    references: Vec<f32>,
    queries: Vec<f32>,
    half_squares: Vec<f32>,
    longest_reference: f64,
    exact: (FeatureMatrix<'a>, FeatureMatrix<'a>),
}

impl<'a> Search<'a> {
    fn new(
        references: FeatureMatrix<'a>,
        queries: FeatureMatrix<'a>,
        metric: Metric,
        groups: Option<Groups<'a>>,
    ) -> Self {
        let width = references.width;
        // Distances do not change when all rows move; small rows lose less in the product.
        let centre = match metric {
            Metric::Cosine => vec![0.0; width],
            Metric::L2 => mean(references),
        };
        let prepare = |matrix: FeatureMatrix<'_>| -> Vec<f32> {
            let rows = matrix.values.par_chunks(width);
            match metric {
                Metric::Cosine => rows.flat_map_iter(direction).collect(),
                Metric::L2 => rows.flat_map_iter(|row| row.iter().zip(&centre).map(|(x, c)| x - c)).collect(),
            }
        };
        let (prepared, queries_prepared) = (prepare(references), prepare(queries));
        let squares: Vec<f64> = prepared.par_chunks(width).map(|row| dot(row, row)).collect();
        let half_squares = match metric {
            Metric::Cosine => Vec::new(),
            Metric::L2 => squares.iter().map(|square| (0.5 * square) as f32).collect(),
        };
        let longest_reference = squares.iter().fold(0.0, |a: f64, b| a.max(*b)).sqrt();
        Self {
            metric,
            groups,
            width,
            references: prepared,
            queries: queries_prepared,
            half_squares,
            longest_reference,
            exact: (references, queries),
        }
    }

    /// The neighbours of all queries, with a GPU's help: it says which references may be nearest.
    fn on(&self, gpu: &Gpu) -> Result<Vec<Neighbour>, Error> {
        let count = self.queries.len() / self.width;
        let margins: Vec<f32> = (0..count).into_par_iter().map(|query| self.margin(query)).collect();
        let question = Question {
            references: &self.references,
            queries: &self.queries,
            width: self.width,
            halves: &self.half_squares,
            groups: self.groups.map(|groups| (groups.references, groups.queries)),
            margins: &margins,
        };
        let candidates = gpu.candidates(&question)?;
        let nearest = |(query, candidates): (usize, &Option<Vec<u32>>)| {
            // Where products may overflow, they say nothing.
            let Some(candidates) = candidates.as_ref().filter(|_| margins[query].is_finite()) else {
                return Ok(self.block(query, 1)?[0]);
            };
            let mut best = Best::default();
            for reference in candidates {
                let exact = self.similarity(*reference as usize, query);
                if exact > best.exact {
                    (best.exact, best.index) = (exact, Some(*reference));
                }
            }
            best.neighbour(query)
        };
        candidates.par_iter().enumerate().map(nearest).collect()
    }

    /// The neighbours of `count` queries from `start` on.
    fn block(&self, start: usize, count: usize) -> Result<Vec<Neighbour>, Error> {
        let mut best = vec![Best::default(); count];
        let margins: Vec<f32> = (start..start + count).map(|query| self.margin(query)).collect();
        self.tiles(start, count, |at, first, scores| {
            self.update(&mut best[at], scores, first, start + at, margins[at]);
        });
        best.into_iter().enumerate().map(|(at, best)| best.neighbour(start + at)).collect()
    }

    /// The scores of `count` queries from `start` on, each tile of the references for each of them: which query of these,
    /// the first reference of the tile, the scores.
    fn tiles(&self, start: usize, count: usize, mut tell: impl FnMut(usize, usize, &[f32])) {
        let references = self.references.len() / self.width;
        let mut scores = vec![0f32; count * TILE];
        for first in (0..references).step_by(TILE) {
            let tile = TILE.min(references - first);
            product(
                &self.queries[start * self.width..(start + count) * self.width],
                &self.references[first * self.width..(first + tile) * self.width],
                self.width,
                &mut scores,
            );
            for at in 0..count {
                let scores = &mut scores[at * TILE..at * TILE + tile];
                self.adjust(scores, first, start + at);
                tell(at, first, scores);
            }
        }
    }

    /// The `k` nearest of `count` queries from `start` on.
    fn few(&self, start: usize, count: usize, k: usize) -> Vec<Vec<(usize, f64)>> {
        let references = self.references.len() / self.width;
        let mut all = vec![0f32; count * references];
        self.tiles(start, count, |at, first, scores| {
            all[at * references + first..][..scores.len()].copy_from_slice(scores);
        });
        let of = |(at, scores): (usize, &[f32])| {
            let mut sorted = scores.to_vec();
            // Whoever is among the nearest in truth scores at most two errors less than the last of those by score.
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

    /// Turns products into scores of which the largest is the nearest, and takes the query's own group out.
    fn adjust(&self, scores: &mut [f32], first: usize, query: usize) {
        if self.metric == Metric::L2 {
            for (score, half) in scores.iter_mut().zip(&self.half_squares[first..]) {
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
        // Most tiles hold nothing of interest, and one pass that does not branch finds that out.
        if highest < threshold && margin.is_finite() {
            return;
        }
        for (at, score) in scores.iter().enumerate() {
            let reference = first + at;
            if *score < threshold || self.groups.is_some_and(|groups| groups.excludes(query, reference)) {
                continue;
            }
            let exact = self.similarity(reference, query);
            if exact > best.exact {
                (best.exact, best.index) = (exact, Some(reference as u32));
            }
        }
    }

    /// Twice the largest error of a score. A dot product of n terms errs by at most n·u·|q|·|r| in any order of sums
    /// (Higham 2002, section 3.1); eight more units cover the centring, the half square and the subtraction.
    fn margin(&self, query: usize) -> f32 {
        let row = &self.queries[query * self.width..(query + 1) * self.width];
        let length = dot(row, row).sqrt() + self.longest_reference;
        let unit = f64::from(f32::EPSILON) / 2.0;
        let square = length * length;
        // Where products may overflow, nothing is known from them: every reference is compared again.
        let known = square < f64::from(f32::MAX);
        if known { (2.02 * (self.width + 8) as f64 * unit * square) as f32 } else { f32::INFINITY }
    }

    fn similarity(&self, reference: usize, query: usize) -> f64 {
        match self.metric {
            Metric::Cosine => {
                let row = |at: usize| at * self.width..(at + 1) * self.width;
                dot(&self.references[row(reference)], &self.queries[row(query)])
            }
            Metric::L2 => -distance(self.exact.0.row(reference), self.exact.1.row(query)),
        }
    }
}

#[derive(Clone, Copy)]
struct Best {
    score: f32,
    exact: f64,
    index: Option<u32>,
}

impl Best {
    fn neighbour(self, query: usize) -> Result<Neighbour, Error> {
        let index = self.index.ok_or(Error::NoReference { query })?;
        Ok(Neighbour { index, similarity: self.exact as f32 })
    }
}

impl Default for Best {
    fn default() -> Self {
        Self { score: f32::NEG_INFINITY, exact: f64::NEG_INFINITY, index: None }
    }
}

#[cfg(test)]
mod tests;
