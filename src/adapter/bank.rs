//! Numbers for channels: one for each name over all sets (the bank), one for each channel of each set (slots).

use super::SetChannels;

/// Channel names of all sets in alphabetical order, and where each set's channels stand among them.
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

    /// The number of a name that some set has.
    pub(super) fn row(&self, name: &str) -> Option<usize> {
        self.names.binary_search_by(|known| known.as_str().cmp(name)).ok()
    }

    /// The numbers of a set's channels; the set is one of those the bank was made of.
    pub(super) fn rows(&self, set: &SetChannels) -> Vec<usize> {
        let row = |name: &String| self.row(name).expect("the bank holds the channels of every set");
        set.channels.iter().map(row).collect()
    }
}

/// For each set, numbers of its channels that no other channel has: CHAMMI's Allen 0-2, HPA 3-6, CP 7-11.
pub(super) fn slots(sets: &[SetChannels]) -> Vec<Vec<usize>> {
    let mut next = 0;
    let mut numbers = |set: &SetChannels| {
        let first = next;
        next += set.channels.len();
        (first..next).collect()
    };
    sets.iter().map(&mut numbers).collect()
}
