//! Which tokens of which blocks of a transformer are the features of an image.

use crate::spec::VitFeatures;
use std::ops::Range;

/// What is read, all behind the last normalisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Whether the class token is read.
    pub class: bool,
    /// Whether the mean over the patches' tokens is read, which leaves registers out.
    pub patches: bool,
    /// Of which blocks.
    pub blocks: Blocks,
}

/// Blocks whose tokens are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocks {
    /// The class tokens of the last so many, the first of them first; the mean over patches, if it is read, of the last
    /// only: what linear probes of DINO read.
    Last(usize),
    /// One, from 0.
    One(usize),
}

/// One of the things that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The class token.
    Class,
    /// The mean over patches.
    Patches,
}

impl From<VitFeatures> for Reading {
    fn from(word: VitFeatures) -> Self {
        let class = match word {
            VitFeatures::ClassToken => true,
            VitFeatures::MeanOfPatches => false,
        };
        Self { class, patches: !class, blocks: Blocks::Last(1) }
    }
}

impl Reading {
    /// Refuses blocks that a transformer of this depth does not have.
    ///
    /// # Errors
    /// What was expected and what was found.
    pub fn check(self, depth: usize) -> Result<(), String> {
        match self.blocks {
            Blocks::Last(count) if !(1..=depth).contains(&count) => {
                Err(format!("expected 1 to {depth} last blocks, found {count}"))
            }
            Blocks::One(block) if block >= depth => {
                Err(format!("expected a block from 0 to {}, found {block}", depth - 1))
            }
            Blocks::Last(_) | Blocks::One(_) => Ok(()),
        }
    }

    /// What is read of a transformer of this depth, and after which block, in order.
    pub(super) fn parts(self, depth: usize) -> impl Iterator<Item = (usize, Part)> {
        let range = self.blocks.range(depth);
        let last = range.end - 1;
        let class = range.filter(move |_| self.class).map(|block| (block, Part::Class));
        class.chain(self.patches.then_some((last, Part::Patches)))
    }
}

impl Blocks {
    fn range(self, depth: usize) -> Range<usize> {
        match self {
            Self::Last(count) => depth.saturating_sub(count)..depth,
            Self::One(block) => block..block + 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn class_tokens_ascend_and_the_mean_comes_last() {
        let all = |reading: Reading| reading.parts(5).collect::<Vec<_>>();
        let both = |blocks| Reading { class: true, patches: true, blocks };
        let last = all(both(Blocks::Last(3)));
        assert_eq!(last, [(2, Part::Class), (3, Part::Class), (4, Part::Class), (4, Part::Patches)]);
        assert_eq!(all(both(Blocks::One(1))), [(1, Part::Class), (1, Part::Patches)]);
        let mean = Reading { class: false, ..both(Blocks::Last(1)) };
        assert_eq!(all(mean), [(4, Part::Patches)]);
        assert_eq!(both(Blocks::Last(6)).check(5).unwrap_err(), "expected 1 to 5 last blocks, found 6");
        assert_eq!(both(Blocks::One(5)).check(5).unwrap_err(), "expected a block from 0 to 4, found 5");
        assert_eq!(both(Blocks::One(4)).check(5), Ok(()));
    }
}
