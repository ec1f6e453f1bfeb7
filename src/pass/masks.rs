//! Patches that a student does not see, while its teacher does.

use crate::ops::Places;
use candle_core::Result;
use std::ops::Range;

/// The masked patches of each of some crops; a crop may have none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Masks {
    /// For each crop, the numbers of its masked patches, row by row of its grid.
    crops: Vec<Vec<usize>>,
    /// Patches of a crop.
    patches: usize,
}

impl Masks {
    /// `crops` has the masked patches of each crop, in increasing order, of `patches` in all.
    pub fn new(crops: Vec<Vec<usize>>, patches: usize) -> Self {
        Self { crops, patches }
    }

    /// How many patches are masked in all.
    pub fn count(&self) -> usize {
        self.crops.iter().map(Vec::len).sum()
    }

    /// How many are masked in each crop.
    pub fn of_crops(&self) -> impl Iterator<Item = usize> + '_ {
        self.crops.iter().map(Vec::len)
    }

    /// Those of some of the crops.
    #[must_use]
    pub fn of(&self, crops: Range<usize>) -> Self {
        Self { crops: self.crops[crops].to_vec(), patches: self.patches }
    }

    /// Those of some of the channels of each crop, in this order, of `channels` with patches of their own.
    #[must_use]
    pub fn of_channels(&self, chosen: &[usize], channels: usize) -> Self {
        let each = self.patches / channels;
        let of_crop = |masked: &Vec<usize>| -> Vec<usize> {
            let of_channel = |(place, channel): (usize, &usize)| {
                let own = *channel * each..(*channel + 1) * each;
                let here = masked.iter().filter(move |patch| own.contains(patch));
                here.map(move |patch| patch % each + place * each).collect::<Vec<_>>()
            };
            chosen.iter().enumerate().flat_map(of_channel).collect()
        };
        Self { crops: self.crops.iter().map(of_crop).collect(), patches: chosen.len() * each }
    }

    /// The same of crops that are each so many sequences of patches, one after the other.
    #[must_use]
    pub fn apart(&self, sequences: usize) -> Self {
        let each = self.patches / sequences;
        let of_crop = |masked: &Vec<usize>| {
            let masked = masked.clone();
            (0..sequences).map(move |sequence| {
                let own = sequence * each..(sequence + 1) * each;
                let here = masked.iter().filter(|patch| own.contains(patch));
                here.map(|patch| patch - sequence * each).collect()
            })
        };
        Self { crops: self.crops.iter().flat_map(of_crop).collect(), patches: each }
    }

    /// Where the masked patches are among the tokens of all crops in a row, of each of which the first `own` belong to no
    /// patch; none: nothing is masked.
    ///
    /// # Errors
    /// If a patch is not there, or is named twice.
    pub fn places(&self, own: usize) -> Result<Option<Places>> {
        let tokens = own + self.patches;
        let of_crop = |(crop, masked): (usize, &Vec<usize>)| -> Vec<usize> {
            masked.iter().map(|patch| crop * tokens + own + patch).collect()
        };
        let places: Vec<usize> = self.crops.iter().enumerate().flat_map(of_crop).collect();
        match places.len() {
            0 => Ok(None),
            count => Ok(Some(Places::new(places, count, self.crops.len() * tokens)?)),
        }
    }

    /// Where the other patches are among the patches of all crops in a row.
    ///
    /// # Errors
    /// If every patch of every crop is masked.
    pub fn seen(&self) -> Result<Places> {
        let mut seen = Vec::new();
        for (crop, masked) in self.crops.iter().enumerate() {
            let of_crop = (0..self.patches).filter(|patch| !masked.contains(patch));
            seen.extend(of_crop.map(|patch| crop * self.patches + patch));
        }
        Places::new(seen.clone(), seen.len(), self.crops.len() * self.patches)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masked_patches_are_behind_the_tokens_that_belong_to_none() {
        let masks = Masks::new(vec![vec![0, 3], vec![], vec![2]], 4);
        assert_eq!((masks.count(), masks.of_crops().collect::<Vec<_>>()), (3, vec![2, 0, 1]));
        let chosen = |places: Places| -> Vec<usize> {
            let left_out = places.left_out();
            (0..left_out.len()).filter(|at| !left_out[*at]).collect()
        };
        assert_eq!(chosen(masks.places(1).unwrap().unwrap()), [1, 4, 13]);
        assert_eq!(chosen(masks.seen().unwrap()), [1, 2, 4, 5, 6, 7, 8, 9, 11]);
        assert_eq!(masks.of(1..3), Masks::new(vec![vec![], vec![2]], 4));
        assert!(masks.of(1..2).places(1).unwrap().is_none());
        let apart = Masks::new(vec![vec![0, 3, 5], vec![2]], 6).apart(3);
        assert_eq!(apart, Masks::new(vec![vec![0], vec![1], vec![1], vec![], vec![0], vec![]], 2));
        let chosen = Masks::new(vec![vec![0, 3, 5], vec![2]], 6).of_channels(&[2, 0], 3);
        assert_eq!(chosen, Masks::new(vec![vec![1, 2], vec![]], 4));
    }
}
