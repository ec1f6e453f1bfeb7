//! Candidates for the nearest reference of each query. Products in single precision rank them; the caller
//! compares candidates close to the best exactly, so that a GPU gives the same results as the CPU.

use super::{Gpu, Grid, Matrix, launch};
use crate::format::Format;
use candle_core::{DType, Result, Tensor};

/// Queries per batch, and references per batch: their scores take 128 MiB.
const QUERIES: usize = 1024;
const REFERENCES: usize = 32_768;
/// Candidates per query, as in the kernel.
const MAX_CANDIDATES: usize = 32;

/// The search to run.
pub struct Question<'a> {
    /// (references, width), row by row.
    pub references: &'a [f32],
    /// (queries, width).
    pub queries: &'a [f32],
    /// Length of a row.
    pub width: usize,
    /// Subtracted from the products with each reference; empty: nothing.
    pub halves: &'a [f32],
    /// Groups of references and of queries; a query skips references of its own group.
    pub groups: Option<(&'a [u32], &'a [u32])>,
    /// How far below the best score of a query the nearest reference may be.
    pub margins: &'a [f32],
    /// The best score of each query among earlier references; minus infinity, if none.
    pub best: &'a [f32],
}

/// The best score of a query, including earlier references, and its candidates; `None` if there are too many.
pub type Candidates = (f32, Option<Vec<u32>>);

impl Gpu {
    /// The candidates of each query, in the references' order.
    pub fn candidates(&self, question: &Question<'_>) -> Result<Vec<Candidates>> {
        let Question { references, queries, width, halves, groups, margins, best } = *question;
        let device = self.device();
        let count = references.len() / width;
        let all = Tensor::from_slice(references, (count, width), &device)?;
        let halves = (!halves.is_empty()).then(|| Tensor::new(halves, &device)).transpose()?;
        let groups_of = groups.map(|(groups, _)| Tensor::new(groups, &device)).transpose()?;
        let scores = self.uninit(QUERIES * REFERENCES.min(count), DType::F32)?;
        let mut answers = Vec::new();
        for (number, part) in queries.chunks(QUERIES * width).enumerate() {
            let (begin, asked) = (number * QUERIES, part.len() / width);
            let part = Tensor::from_slice(part, (asked, width), &device)?;
            let own = groups.map(|(_, own)| Tensor::new(&own[begin..begin + asked], &device)).transpose()?;
            let margins = Tensor::new(&margins[begin..begin + asked], &device)?;
            let best = Tensor::new(&best[begin..begin + asked], &device)?;
            let counts = Tensor::zeros(asked, DType::U32, &device)?;
            let found = Tensor::zeros((asked, MAX_CANDIDATES), DType::U32, &device)?;
            for first in (0..count).step_by(REFERENCES) {
                let some = REFERENCES.min(count - first);
                let line = scores.narrow(0, 0, asked * some)?;
                let slab = all.narrow(0, first, some)?;
                let across = Matrix::rows(&slab, some, width).transposed();
                self.product(&line, false, Matrix::rows(&part, asked, width), across, Format::F32)?;
                let (halves, groups, own) = (halves.as_ref(), groups_of.as_ref(), own.as_ref());
                launch!(
                    self,
                    candidates[Grid::blocks(asked)](
                        &line, halves, groups, own, &margins, &best, &counts, &found, first, some
                    )
                )?;
            }
            let found = found.to_vec2::<u32>()?;
            let counts = counts.to_vec1::<u32>()?.into_iter().zip(found).map(|(count, mut found)| {
                let few = count as usize <= MAX_CANDIDATES;
                found.truncate(count as usize);
                found.sort_unstable();
                few.then_some(found)
            });
            answers.extend(best.to_vec1::<f32>()?.into_iter().zip(counts));
        }
        Ok(answers)
    }
}
