//! The rows of one source become a set: its images, its training plates, its one task and its splits.

use super::{
    super::super::{
        Column, ImageSet, LeaveOut, Problems, Role, Task,
        describe::SetDescription,
        listing::Listing,
        set::{Rows, TRAIN},
        table::Interner,
        text::{plain, short},
    },
    TABLE, TASK,
    files::Files,
    splits,
};
use crate::spec::jump::{selection_plate, split};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::OnceLock,
};

/// Rows of a source while the table is read.
#[derive(Default)]
pub(super) struct Source {
    pub(super) lines: Vec<u32>,
    pub(super) paths: Vec<String>,
    pub(super) moas: Vec<u32>,
    pub(super) compounds: Interner,
    pub(super) plates: Interner,
    pub(super) batches: Interner,
    pub(super) wells: Interner,
    pub(super) sites: Interner,
    pub(super) unlabelled: u64,
}

impl Source {
    /// The set, and what was noticed.
    #[expect(clippy::too_many_arguments, reason = "what all sources share, and where each puts its own")]
    pub(super) fn finish(
        self,
        set: &SetDescription,
        root: &Path,
        classes: &[u16],
        labels: &[String],
        unseen: &BTreeSet<&str>,
        (files, mut listing): (&mut Files, Option<&mut Listing>),
        problems: &mut Problems,
    ) -> (ImageSet, Vec<String>) {
        let (name, mut warnings) = (&set.name, Vec::new());
        let plates = &self.plates.column;
        let batch_of: BTreeMap<&str, &str> = (0..self.lines.len())
            .map(|row| (plates.ids[row] as usize, self.batches.column.ids[row] as usize))
            .map(|(plate, batch)| (plates.names[plate].as_str(), self.batches.column.names[batch].as_str()))
            .collect();
        let split_of = splits::plates(name, &batch_of);
        if !split_of.values().any(|of| *of != split::SELECTION) {
            problems.add(
                None,
                Some("all plates but the selection plate are trained on: add another plate of the source"),
                || format!("expected a training plate of {name}, found only its selection plate"),
            );
        } else if let Some(plate) = selection_plate(name).filter(|plate| !split_of.contains_key(plate)) {
            warnings
                .push(format!("{name}: its selection plate {plate} has no row: all its plates are in Train"));
        }
        let mut rows = Rows::default();
        for (row, path) in self.paths.iter().enumerate() {
            let plate = plates.names[plates.ids[row] as usize].as_str();
            rows.keys.push(&files.find(
                plate,
                path,
                u64::from(self.lines[row]),
                listing.as_deref_mut(),
                problems,
            ));
            rows.flags.push(if split_of[plate] == split::SELECTION { 0 } else { TRAIN });
        }
        rows.labels = self.moas.iter().map(|moa| classes[*moa as usize]).collect();
        let queries = (0..self.lines.len() as u32).collect();
        let leave_out = LeaveOut {
            column: "Metadata_Plate".to_owned(),
            group: plates.ids.clone(),
            names: plates.names.clone(),
        };
        let tasks = vec![Task { name: TASK.to_owned(), queries, leave_out: Some(leave_out) }];
        let compound_split = splits::by(&self.compounds.column, |compound| {
            if unseen.contains(compound) { split::UNSEEN } else { split::SEEN }
        });
        let source = Column { ids: vec![0; self.lines.len()], names: vec![name.clone()] };
        let plate_split = splits::by(plates, |plate| split_of[plate]);
        let batches = self.batches.column.clone();
        let mut roles = vec![
            (Role::Treatment, self.compounds.column),
            (Role::Source, source),
            (Role::Batch, batches),
            (Role::PlateSplit, plate_split),
            (Role::CompoundSplit, compound_split),
        ];
        if !self.wells.column.ids.is_empty() {
            let wells = self.wells.column;
            match wells.names.iter().find(|well| splits::is_unseen_position(well).is_none()) {
                Some(odd) => warnings.push(format!(
                    "{name}: there is no split by positions: expected wells such as `B02` in Metadata_Well, found `{}`",
                    short(&plain(odd), 60)
                )),
                None => {
                    let of = |well: &str| match splits::is_unseen_position(well) {
                        Some(true) => split::UNSEEN,
                        _ => split::SEEN,
                    };
                    roles.push((Role::PositionSplit, splits::by(&wells, of)));
                }
            }
            roles.push((Role::Well, wells));
        }
        if !self.sites.column.ids.is_empty() {
            roles.push((Role::Site, self.sites.column));
        }
        roles.push((Role::Plate, self.plates.column));
        rows.roles = roles;
        rows.lines = self.lines;
        let made = ImageSet {
            name: name.clone(),
            channels: set.channels.clone(),
            spelled: set.spelled.clone(),
            labels: labels.to_vec(),
            tasks,
            printed_statistics: None,
            pixel_size_um: set.pixel_size_um,
            root: root.to_owned(),
            table: root.join(TABLE),
            unlabelled: self.unlabelled,
            layout: set.layout.clone(),
            intensity: None,
            measured: OnceLock::new(),
            rows,
        };
        (made, warnings)
    }
}
