//! TARGET2 as it was plated: which plates the six sources have, and which compound is in which well.

/// Plates of type TARGET2 of the six sources, from `metadata/plate.csv.gz` of jump-cellpainting/datasets: source, batch,
/// plate.
const PLATES: &str = include_str!("plates.csv");

/// Wells and compounds (full InChIKeys), by joining `JUMP-Target-2_compound_platemap.tsv` and
/// `JUMP-Target-2_compound_metadata.tsv` of jump-cellpainting/JUMP-Target on `broad_sample`. Wells without a sample hold
/// DMSO. All plates have this layout.
const WELLS: &str = include_str!("wells.csv");

/// A plate of the public index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plate {
    /// `source_3`.
    pub source: &'static str,
    /// Its batch.
    pub batch: &'static str,
    /// Its name: `Metadata_Plate`.
    pub name: &'static str,
}

/// The plates, by source and batch.
pub fn plates() -> impl Iterator<Item = Plate> {
    PLATES.lines().skip(1).filter_map(|line| {
        let (source, rest) = line.split_once(',')?;
        let (batch, name) = rest.split_once(',')?;
        Some(Plate { source, batch, name })
    })
}

/// Wells, as `A01`, and the InChIKeys of their compounds.
pub fn wells() -> impl Iterator<Item = (&'static str, &'static str)> {
    WELLS.lines().skip(1).filter_map(|line| line.split_once(','))
}

#[cfg(test)]
mod tests {
    use super::{
        super::{SOURCES, mechanisms},
        *,
    };
    use crate::spec::jump::SELECTION_PLATES;
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn plates_and_batches_are_those_of_table_1() {
        for source in SOURCES {
            let of: Vec<Plate> = plates().filter(|plate| plate.source == source.name).collect();
            let batches: BTreeSet<&str> = of.iter().map(|plate| plate.batch).collect();
            assert_eq!((of.len() as u64, batches.len() as u64), (source.plates, source.batches));
        }
        assert_eq!(plates().map(|plate| plate.name).collect::<BTreeSet<_>>().len(), 73);
        let is_there = |(source, name): &(&str, &str)| {
            plates().any(|plate| (plate.source, plate.name) == (*source, *name))
        };
        assert!(SELECTION_PLATES.iter().all(is_there));
    }

    #[test]
    fn the_layout_has_the_published_numbers() {
        let mut wells_of: BTreeMap<&str, usize> = BTreeMap::new();
        wells().for_each(|(_, key)| *wells_of.entry(key).or_default() += 1);
        let of_size = |size| wells_of.values().filter(|of| **of == size).count();
        assert_eq!((wells().count(), wells_of.len(), [1, 2, 64].map(of_size)), (384, 302, [282, 19, 1]));
        assert!(mechanisms::listed().all(|(key, _)| wells_of.contains_key(key)));
    }
}
