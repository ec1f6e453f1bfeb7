//! Nearest neighbours: exact search by blocked matrix products; of equally near references the first is
//! chosen.
//!
//! Products in float32 only select candidates ([`frame`] says how far they can be off). Candidates are compared by
//! sums in float64 of the rows as they are ([`arithmetic`]), and where the error of these decides, by sums of whole
//! numbers ([`exact`]). The result is therefore the true nearest row, the same for any number of threads, block size and
//! instruction set, and also where all features are nearly parallel, tiny or huge. A GPU only selects candidates too, so
//! that its results are the same.
//!
//! Features may be larger than memory: each block of queries is compared with all blocks of references in
//! turn, and each query keeps its best reference so far.

pub(super) mod arithmetic;
mod distinct;
mod exact;
mod frame;
mod rows;
mod search;

pub(super) use search::nearest_few;

use super::{Error, FeatureMatrix, FeatureRows, Truth, features::extent};
use crate::{
    event::{Event, Listen, Silence},
    memory,
    ops::gpu::Gpu,
    spec::Metric,
};
use candle_core::Device;
use frame::Frame;
use rayon::prelude::*;
use rows::Prepared;
use search::{Best, Search};

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
    /// Whether another reference with another label is exactly as near.
    pub tied: bool,
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
    /// The label of each row, to tell whether equally near references agree.
    pub labels: Option<&'a [Truth]>,
}

/// The number of rows held at once.
#[derive(Clone, Copy, Debug)]
struct Blocks {
    queries: usize,
    references: usize,
}

impl Blocks {
    /// Blocks of 256 MiB and 32 MiB (128 MiB on a GPU, which receives the queries again for each block), and as much
    /// again for the rows as they are; less where less memory is free. References are read once per block of queries,
    /// so blocks of queries are larger; a listener can interrupt after each block of references.
    fn of(width: usize, on: &Device) -> Self {
        let free = memory::available().map_or(usize::MAX, |free| usize::try_from(free).unwrap_or(usize::MAX));
        let rows =
            |mib: usize, share: usize| ((mib << 20).min(free / share) / (4 * width.max(1))).max(FEWEST);
        Self { queries: rows(256, 8), references: rows(if on.is_cpu() { 32 } else { 128 }, 16) }
    }

    /// The most bytes that a search holds of `rows` rows: as they are and moved, and the products of each thread.
    fn bytes(self, width: usize, rows: usize) -> usize {
        let held = self.queries.min(rows) + self.references.min(rows);
        let products = 4 * TILE * TILE.min(rows) * rayon::current_num_threads();
        held.saturating_mul(width).saturating_mul(2 * 4).saturating_add(products)
    }
}

/// The fewest rows of a block.
const FEWEST: usize = 64;

/// The most bytes that a search holds of `rows` rows.
pub fn memory(width: usize, rows: usize, on: &Device) -> usize {
    Blocks::of(width, on).bytes(width, rows)
}

/// The nearest reference of each query; among equally near ones the first.
///
/// # Errors
/// [`Error::NotFinite`] and [`Error::ZeroRow`] (cosine) name the row, of the references first;
/// [`Error::Mismatch`] if the widths differ, or rows and groups; [`Error::Empty`] if there is no reference;
/// [`Error::NoReference`] if a query has no reference outside its group; [`Error::Stopped`] if the listener asks for it;
/// [`Error::Memory`] if not even a few rows fit into it.
pub fn nearest(
    references: Side<'_>,
    queries: Side<'_>,
    metric: Metric,
    on: &Device,
    listen: &mut dyn Listen,
) -> Result<Vec<Neighbour>, Error> {
    let width = references.features.width();
    fits(width, references.rows.len().max(queries.rows.len()), on)?;
    search(references, queries, metric, on, Blocks::of(width, on), listen)
}

/// Refuses a search among `rows` rows that does not fit into memory.
///
/// # Errors
/// [`Error::Memory`] with both numbers.
pub fn fits(width: usize, rows: usize, on: &Device) -> Result<(), Error> {
    let needed = memory(width, rows, on) as u64;
    match memory::available() {
        Some(free) if needed > free => Err(Error::Memory { needed, free }),
        _ => Ok(()),
    }
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
    let side = |features, rows| Side { features, rows, groups: None, labels: None };
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
    if let Some(found) = references.labels.map(<[Truth]>::len).filter(|found| *found != references.rows.len())
    {
        return Err(Error::Mismatch { what: "labels of references", expected: references.rows.len(), found });
    }
    if references.rows.is_empty() {
        return Err(Error::Empty { what: "reference" });
    }
    let extent = extent(references.features, references.rows, metric)?.and(extent(
        queries.features,
        queries.rows,
        metric,
    )?);
    let mut sample = vec![];
    for row in Frame::sample(references.rows.len()) {
        sample.push(vec![0f32; width]);
        let row = references.rows[row as usize];
        sample.last_mut().map_or(Ok(()), |values| references.features.read(&[row], values))?;
    }
    let frame = Frame::around(sample, width, metric, extent);
    let gpu = Gpu::at(on);
    let mut pace = Pace::begin(references.rows.len(), queries.rows.len(), blocks, listen);
    let mut found = Vec::with_capacity(queries.rows.len());
    for (number, asked) in queries.rows.chunks(blocks.queries).enumerate() {
        let first_query = number * blocks.queries;
        let own = Prepared::queries(queries.features, asked, &frame)?;
        let mut bests = vec![Best::default(); asked.len()];
        for (number, rows) in references.rows.chunks(blocks.references).enumerate() {
            let first = number * blocks.references;
            let groups = references.groups.map(|groups| &groups[first..first + rows.len()]);
            let labels = references.labels.map(|labels| &labels[first..first + rows.len()]);
            let block = Prepared::references(references.features, rows, (groups, labels), &frame)?;
            let groups = queries.groups.map(|groups| &groups[first_query..first_query + asked.len()]);
            let labels = references.labels;
            let search = Search { metric, references: &block, queries: &own, groups, labels, first };
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
            if first + rows.len() < references.rows.len() {
                search.keep(&mut bests);
            }
            pace.advance(asked.len() * rows.len())?;
        }
        let neighbour = |(at, best): (usize, Best)| {
            best.neighbour(metric, own.lengths.get(at).copied().unwrap_or(1.0), first_query + at)
        };
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
