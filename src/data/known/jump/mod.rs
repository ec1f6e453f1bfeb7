//! JUMP-CP TARGET2 as the authors of CODA hold it: one table of all sources, and a folder of tapes for each plate.

mod columns;
mod files;
pub mod mechanisms;
mod rules;
mod source;
mod splits;
mod table;
pub mod target2;

pub(in crate::data) use table::read;

use super::Known;
use crate::{
    data::{
        DataSet, Kind, Published, Role,
        describe::{Description, SetDescription},
        layout::Layout,
    },
    spec::jump::{NAME, SETS},
};
use std::{collections::BTreeSet, path::Path};

/// What is known of it.
pub(super) static KNOWN: Known = Known { name: NAME, describe, read, images: &[], counts };

/// The one table of all its sets.
pub const TABLE: &str = "metadata_Target_2_moa.csv";

/// Its one task.
pub const TASK: &str = "MoA";

/// Channels in tape order: JUMP's own order. The released table does not state it.
pub const CHANNELS: [&str; 5] = ["dna", "er", "rna", "agp", "mito"];

/// The same by the vocabulary's names.
const CANONICAL: [&str; 5] = ["nucleus", "er", "rna", "agp", "mito"];

/// A source of TARGET2, by the paper's Table 1 and JUMP's public index of plates and images.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    /// `source_3`.
    pub name: &'static str,
    /// Side of a pixel of the released tapes, in micrometres: twice that of the microscope.
    pub pixel_size_um: f64,
    /// Batches with such plates.
    pub batches: u64,
    /// Such plates.
    pub plates: u64,
    /// Images of all wells: Table 1's number, and the index'.
    pub images: [u64; 2],
}

/// Its sources, in the order of its sets.
pub const SOURCES: [Source; 6] = {
    const fn source(name: &'static str, um: f64, batches: u64, plates: u64, images: [u64; 2]) -> Source {
        Source { name, pixel_size_um: um, batches, plates, images }
    }
    [
        source("source_3", 1.196, 13, 25, [85_409, 86_400]),
        source("source_5", 1.3, 23, 24, [82_256, 82_944]),
        source("source_7", 1.3, 7, 7, [24_192, 24_192]),
        source("source_8", 1.406, 4, 4, [13_824, 13_824]),
        source("source_10", 1.304, 6, 6, [13_812, 13_824]),
        source("source_11", 1.196, 4, 7, [23_373, 24_185]),
    ]
};

/// The description of a folder that holds the table.
fn describe(root: &Path) -> Option<Description> {
    if !root.join(TABLE).is_file() {
        return None;
    }
    let set = |source: &Source| SetDescription {
        name: source.name.to_owned(),
        channels: CANONICAL.map(String::from).to_vec(),
        spelled: CHANNELS.map(String::from).to_vec(),
        layout: Layout::Tape,
        pixel_size_um: Some(source.pixel_size_um),
        ..SetDescription::default()
    };
    let sets = SOURCES.iter().map(set).collect();
    let form = Some(&KNOWN);
    Some(Description { name: None, kind: Kind::Real, world: None, simulator: None, form, sets, known: None })
}

/// Numbers of the paper's Table 1 and of the labels, next to those found. Table 1 counts the images of all wells.
fn counts(data: &DataSet) -> Vec<Published> {
    let mut rows = Vec::new();
    let mut row = |what: String, printed, found: u64, also: Option<u64>| {
        rows.push(Published { what, printed, found, also: also.filter(|also| *also != printed) });
    };
    for source in &SOURCES {
        let name = source.name;
        let set = data.set(name);
        let images = set.map_or(0, |set| set.len() as u64 + set.unlabelled);
        row(format!("{name} images of all wells"), source.images[0], images, Some(source.images[1]));
        let values = |role| set.and_then(|set| set.values(role)).map_or(0, |values| values.count() as u64);
        row(format!("{name} plates"), source.plates, values(Role::Plate), None);
        row(format!("{name} batches"), source.batches, values(Role::Batch), None);
    }
    let all = |role| {
        let values = data.sets.iter().filter_map(|set| set.values(role)).flatten();
        values.collect::<BTreeSet<&str>>().len() as u64
    };
    let names = mechanisms::names();
    let named = data.sets.iter().filter_map(|set| set.values(Role::Label)).flatten();
    let named: BTreeSet<&str> = named.filter(|name| names.contains(name)).collect();
    row("mechanisms of action".to_owned(), names.len() as u64, all(Role::Label), None);
    row("mechanisms of the list".to_owned(), names.len() as u64, named.len() as u64, None);
    let compounds = mechanisms::listed().count() as u64;
    row("compounds with one of them".to_owned(), compounds, all(Role::Treatment), None);
    rows
}

const _: () = assert!(SOURCES.len() == SETS.len());

#[cfg(test)]
mod tests;
