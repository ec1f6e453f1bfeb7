//! Indices of channels: one per name over all sets (the bank), and one per channel of each set (slots).

use super::SetChannels;

/// Channel names of all sets in alphabetical order; a name's position is its index.
///
/// CHAMMI: er 0, golgi 1, membrane 2, microtubules 3, mito 4, nucleus 5, protein 6, rna 7.
pub(super) struct Bank {
    names: Vec<String>,
}

impl Bank {
    pub(super) fn of(sets: &[SetChannels]) -> Self {
        let mut names: Vec<String> = sets.iter().flat_map(|set| set.channels.clone()).collect();
        names.sort_unstable();
        names.dedup();
        Self { names }
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// The index of a name, if any set has it.
    pub(super) fn row(&self, name: &str) -> Option<usize> {
        self.names.binary_search_by(|known| known.as_str().cmp(name)).ok()
    }

    /// The indices of a set's channels; the bank must have been made from this set.
    pub(super) fn rows(&self, set: &SetChannels) -> Vec<usize> {
        let row = |name: &String| self.row(name).expect("the bank holds the channels of every set");
        set.channels.iter().map(row).collect()
    }
}

/// For each set, indices that none of its channels shares with any other: CHAMMI's Allen 0-2, HPA 3-6, CP
/// 7-11.
pub(super) fn slots(sets: &[SetChannels]) -> Vec<Vec<usize>> {
    let mut next = 0;
    let mut numbers = |set: &SetChannels| {
        let first = next;
        next += set.channels.len();
        (first..next).collect()
    };
    sets.iter().map(&mut numbers).collect()
}
