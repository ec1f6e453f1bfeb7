//! Nearest neighbours: exact search by blocked matrix products; of equally near references the first is
//! chosen.
//!
//! Products in float32 only select candidates. Every reference whose product is within the rounding error of
//! the best is compared again in float64, in a fixed order of summation. The result is therefore the true
//! nearest row, the same for any number of threads, block size and instruction set. Where float32 rounds two
//! different distances to the same value, faiss's result is arbitrary. A GPU only selects candidates too, so
//! that its results are the same.
//!
//! Features may be larger than memory: each block of queries is compared with all blocks of references in
//! turn, and each query keeps its best reference so far.

pub(super) mod arithmetic;
mod rows;
mod search;

pub(super) use search::nearest_few;

use super::{
    Error, FeatureMatrix, FeatureRows,
    features::{check, check_and_average},
};
use crate::{
    event::{Event, Listen, Silence},
    ops::gpu::Gpu,
    spec::Metric,
};
use candle_core::Device;
use rayon::prelude::*;
use rows::Prepared;
use search::{Best, Groups, Search};

/// The group of references that any query may use. No query can have this group.
pub const NO_GROUP: u32 = u32::MAX;

/// References in one product, and the most queries: both operands stay in the second-level cache.
const TILE: usize = 1024;

/// The reference that is nearest to a query.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbour {
    /// Index among the references.
    pub index: u32,
    /// The cosine, or minus the Euclidean distance.
    pub similarity: f32,
}

/// Rows that take part in a search. Among equally near ones, the first in this order is chosen.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    /// The features.
    pub features: &'a dyn FeatureRows,
    /// Indices of the rows.
    pub rows: &'a [u32],
    /// The group of each row: references of a query's own group do not count. A reference that every query
    /// may use has [`NO_GROUP`].
    pub groups: Option<&'a [u32]>,
}

/// The number of rows held at once.
#[derive(Clone, Copy, Debug)]
struct Blocks {
    queries: usize,
    references: usize,
}

impl Blocks {
    /// Blocks of 256 MiB and 32 MiB (128 MiB on a GPU, which receives the queries again for each block),
    /// twice that if distances also need the raw rows. References are read once per block of queries, so
    /// blocks of queries are larger; a listener can interrupt after each block of references.
    fn of(width: usize, on: &Device) -> Self {
        let rows = |mib: usize| ((mib << 20) / (4 * width.max(1))).max(TILE);
        Self { queries: rows(256), references: rows(if on.is_cpu() { 32 } else { 128 }) }
    }
}

/// The most bytes that a search holds of `rows` rows.
pub fn memory(width: usize, rows: usize, on: &Device) -> usize {
    let blocks = Blocks::of(width, on);
    2 * 4 * width * (blocks.queries.min(rows) + blocks.references.min(rows))
}

/// The nearest reference of each query; among equally near ones the first.
///
/// # Errors
/// [`Error::NotFinite`] and [`Error::ZeroRow`] (cosine) name the row, of the references first;
/// [`Error::Mismatch`] if the widths differ, or rows and groups; [`Error::Empty`] if there is no reference;
/// [`Error::NoReference`] if a query has no reference outside its group; [`Error::Stopped`] if the listener asks for it.
pub fn nearest(
    references: Side<'_>,
    queries: Side<'_>,
    metric: Metric,
    on: &Device,
    listen: &mut dyn Listen,
) -> Result<Vec<Neighbour>, Error> {
    search(references, queries, metric, on, Blocks::of(references.features.width(), on), listen)
}

/// The same between whole matrices without groups.
///
/// # Errors
/// As [`nearest`].
pub fn nearest_rows(
    references: FeatureMatrix<'_>,
    queries: FeatureMatrix<'_>,
    metric: Metric,
    on: &Device,
) -> Result<Vec<Neighbour>, Error> {
    let all = |matrix: FeatureMatrix<'_>| (0..matrix.rows() as u32).collect::<Vec<_>>();
    let (reference_rows, query_rows) = (all(references), all(queries));
    let side = |features, rows| Side { features, rows, groups: None };
    nearest(side(&references, &reference_rows), side(&queries, &query_rows), metric, on, &mut Silence)
}

fn search(
    references: Side<'_>,
    queries: Side<'_>,
    metric: Metric,
    on: &Device,
    blocks: Blocks,
    listen: &mut dyn Listen,
) -> Result<Vec<Neighbour>, Error> {
    let width = references.features.width();
    if width != queries.features.width() {
        let (expected, found) = (width, queries.features.width());
        return Err(Error::Mismatch { what: "columns of the queries", expected, found });
    }
    for (what, side) in [("groups of references", references), ("groups of queries", queries)] {
        let (expected, found) = (side.rows.len(), side.groups.map_or(side.rows.len(), <[u32]>::len));
        if expected != found {
            return Err(Error::Mismatch { what, expected, found });
        }
    }
    if references.rows.is_empty() {
        return Err(Error::Empty { what: "reference" });
    }
    // Distances do not change when all rows are shifted; the product loses less precision on small rows.
    let centre = match metric {
        Metric::Cosine => check(references.features, references.rows, metric).map(|()| None)?,
        Metric::L2 => Some(check_and_average(references.features, references.rows, metric)?),
    };
    check(queries.features, queries.rows, metric)?;
    let gpu = Gpu::at(on);
    let mut pace = Pace::begin(references.rows.len(), queries.rows.len(), blocks, listen);
    let mut found = Vec::with_capacity(queries.rows.len());
    for (number, asked) in queries.rows.chunks(blocks.queries).enumerate() {
        let first_query = number * blocks.queries;
        let own = Prepared::read(queries.features, asked, metric, centre.as_deref())?;
        let mut bests = vec![Best::default(); asked.len()];
        let mut longest = 0f64;
        for (number, rows) in references.rows.chunks(blocks.references).enumerate() {
            let first = number * blocks.references;
            let block = Prepared::read(references.features, rows, metric, centre.as_deref())?;
            // Of the rows so far: enough for a bound on the error of their scores.
            longest = longest.max(block.longest());
            let groups = references.groups.zip(queries.groups).map(|(references, queries)| Groups {
                references: &references[first..first + rows.len()],
                queries: &queries[first_query..first_query + asked.len()],
            });
            let search = Search { metric, groups, references: &block, queries: &own, longest, first };
            match &gpu {
                Some(gpu) => search.on(gpu, &mut bests)?,
                None => {
                    // The number of queries does not change the result, so it may follow the number of
                    // threads.
                    let few = asked.len().div_ceil(rayon::current_num_threads()).clamp(64, TILE);
                    let parts = bests.par_chunks_mut(few).enumerate();
                    parts.for_each(|(part, bests)| search.improve(bests, part * few));
                }
            }
            pace.advance(asked.len() * rows.len())?;
        }
        let neighbour = |(at, best): (usize, Best)| best.neighbour(first_query + at);
        found.extend(bests.into_iter().enumerate().map(neighbour).collect::<Result<Vec<_>, _>>()?);
    }
    Ok(found)
}

/// Progress of a search with several blocks; shorter ones end before anyone could read it.
struct Pace<'a> {
    listen: &'a mut dyn Listen,
    shown: bool,
    references: usize,
    pairs: usize,
}

impl<'a> Pace<'a> {
    fn begin(references: usize, queries: usize, blocks: Blocks, listen: &'a mut dyn Listen) -> Self {
        let shown = references > blocks.references || queries > blocks.queries;
        if shown {
            listen.receive(&Event::Began { what: "searching", unit: "image", total: queries as u64 });
        }
        Self { listen, shown, references, pairs: 0 }
    }

    fn advance(&mut self, pairs: usize) -> Result<(), Error> {
        self.pairs += pairs;
        if self.shown {
            let done = (self.pairs / self.references) as u64;
            self.listen.receive(&Event::Advanced { done, note: "" });
        }
        if self.listen.stop() { Err(Error::Stopped) } else { Ok(()) }
    }
}

impl Drop for Pace<'_> {
    fn drop(&mut self) {
        if self.shown {
            self.listen.receive(&Event::Ended);
        }
    }
}

#[cfg(test)]
mod tests;
