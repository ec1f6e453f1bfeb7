//! Who is nearest: exact search by blocked matrix products, with ties that go to the first reference.
//!
//! Products in float32 only choose candidates. Every reference whose product lies within the rounding error of
//! the best is compared again in float64, in a fixed order of sums. The answer is therefore the true nearest row,
//! the same for any number of threads, block size and instruction set; where float32 rounds two different
//! distances to one, faiss's answer is a matter of luck and ours is not. A GPU only chooses candidates, so that its
//! answers are the same.
//!
//! Features may be larger than memory: a block of queries meets one block of references after the other, and each
//! query keeps the best that it has met.

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

/// The group of references that no query leaves out. Not a group that a query can have.
pub const NO_GROUP: u32 = u32::MAX;

/// References in one product, and at most that many queries: both operands stay in the second-level cache.
const TILE: usize = 1024;

/// The reference that is nearest to a query.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbour {
    /// Place among the references.
    pub index: u32,
    /// The cosine, or minus the Euclidean distance.
    pub similarity: f32,
}

/// Rows that take part in a search, in the order in which ties are decided.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    /// Where they are.
    pub features: &'a dyn FeatureRows,
    /// Which.
    pub rows: &'a [u32],
    /// The group of each: references of a query's own group do not count. A reference that everybody may use has
    /// [`NO_GROUP`].
    pub groups: Option<&'a [u32]>,
}

/// How many rows are held at once.
#[derive(Clone, Copy, Debug)]
struct Blocks {
    queries: usize,
    references: usize,
}

impl Blocks {
    /// Blocks of 256 MiB and 32 MiB (128 on a GPU, which is given the queries anew for each), twice that where distances
    /// need the rows as they are too. References are read once for each block of queries, which are therefore the
    /// larger ones; a listener waits for one block of references.
    fn of(width: usize, on: &Device) -> Self {
        let rows = |mib: usize| ((mib << 20) / (4 * width.max(1))).max(TILE);
        Self { queries: rows(256), references: rows(if on.is_cpu() { 32 } else { 128 }) }
    }
}

/// Bytes that a search among `rows` rows holds of them, at most.
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
    // Distances do not change when all rows move; small rows lose less in the product.
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
            // Of those that were met so far: enough for a bound on the error of their scores.
            longest = longest.max(block.longest());
            let groups = references.groups.zip(queries.groups).map(|(references, queries)| Groups {
                references: &references[first..first + rows.len()],
                queries: &queries[first_query..first_query + asked.len()],
            });
            let search = Search { metric, groups, references: &block, queries: &own, longest, first };
            match &gpu {
                Some(gpu) => search.on(gpu, &mut bests)?,
                None => {
                    // Any number of queries gives the same answer, so it may follow the number of threads.
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

/// Progress of a search that has several blocks; the others are over before anybody could read it.
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
            listen.hear(&Event::Began { what: "searching", unit: "image", total: queries as u64 });
        }
        Self { listen, shown, references, pairs: 0 }
    }

    fn advance(&mut self, pairs: usize) -> Result<(), Error> {
        self.pairs += pairs;
        if self.shown {
            let done = (self.pairs / self.references) as u64;
            self.listen.hear(&Event::Advanced { done, note: "" });
        }
        if self.listen.stop() { Err(Error::Stopped) } else { Ok(()) }
    }
}

impl Drop for Pace<'_> {
    fn drop(&mut self) {
        if self.shown {
            self.listen.hear(&Event::Ended);
        }
    }
}

#[cfg(test)]
mod tests;
