//! Which residual branches are dropped in training (stochastic depth, Huang et al. 2016).

use crate::seed::Stream;
use std::ops::Range;

/// The draws of one pass. A batch that passes in parts has the same draws as a whole one: each part draws for
/// the whole batch and uses its own rows.
pub struct Drops(Source);

#[expect(clippy::large_enum_variant, reason = "there is one for each pass")]
enum Source {
    Nothing,
    Draws(Draws),
    /// The factors of each branch, in order.
    #[cfg(test)]
    Given(std::vec::IntoIter<Vec<f32>>),
}

struct Draws {
    stream: Stream,
    batch: usize,
    rows: Range<usize>,
}

impl Drops {
    /// No branch is dropped, as in inference.
    pub fn none() -> Self {
        Self(Source::Nothing)
    }

    /// For all rows of a batch.
    pub fn whole(stream: Stream, batch: usize) -> Self {
        Self::part(stream, batch, 0..batch)
    }

    /// For the given rows of a batch of size `batch`.
    pub fn part(stream: Stream, batch: usize, rows: Range<usize>) -> Self {
        Self(Source::Draws(Draws { stream, batch, rows }))
    }

    /// With known factors of the branches.
    #[cfg(test)]
    pub(crate) fn given<const N: usize>(factors: [Vec<f32>; N]) -> Self {
        Self(Source::Given(Vec::from(factors).into_iter()))
    }

    /// The factors of the branches of `images` in a block that drops them with probability `drop`: 0, or the
    /// inverse of the probability of staying. `None`: all ones.
    ///
    /// A row may be several images, if channels are separate.
    pub fn keep(&mut self, drop: f64, images: usize) -> Option<Vec<f32>> {
        let Draws { stream, batch, rows } = match &mut self.0 {
            Source::Nothing => return None,
            Source::Draws(_) if drop <= 0.0 => return None,
            Source::Draws(draws) => draws,
            #[cfg(test)]
            Source::Given(factors) => return factors.next(),
        };
        let stays = 1.0 - drop;
        let each = images / rows.len().max(1);
        let own = each * rows.start..each * rows.end;
        let all = (0..each * *batch).map(|_| if stream.chance(stays) { (1.0 / stays) as f32 } else { 0.0 });
        // All draws are made, so that the stream is in the same position for the next block.
        let all: Vec<f32> = all.collect();
        Some(all[own].to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    #[test]
    fn parts_draw_what_the_batch_draws() {
        let stream = || Seed(3).stream("drops");
        let blocks = |mut drops: Drops, images: usize| -> Vec<Vec<f32>> {
            [0.5, 0.2].iter().map(|drop| drops.keep(*drop, images).unwrap()).collect()
        };
        for each in [1, 3] {
            let whole = blocks(Drops::whole(stream(), 7), 7 * each);
            let parts = [0..3, 3..5, 5..7]
                .map(|rows| blocks(Drops::part(stream(), 7, rows.clone()), rows.len() * each));
            for (block, whole) in whole.iter().enumerate() {
                assert_eq!(*whole, parts.iter().flat_map(|part| part[block].clone()).collect::<Vec<_>>());
                assert!(whole.contains(&0.0) && whole.iter().any(|x| *x > 1.0), "{whole:?}");
            }
        }
        assert!(Drops::none().keep(0.5, 4).is_none());
    }

    /// The draws of trainings before batches were split into parts.
    #[test]
    fn a_whole_batch_draws_one_number_for_each_image() {
        let mut stream = Seed(3).stream("drops");
        let expected: Vec<f32> = (0..5).map(|_| if stream.chance(0.75) { 4.0 / 3.0 } else { 0.0 }).collect();
        let found = Drops::whole(Seed(3).stream("drops"), 5).keep(0.25, 5).unwrap();
        assert_eq!(found, expected);
    }
}
