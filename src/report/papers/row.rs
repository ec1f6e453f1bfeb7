//! A row of a published table, and which rows a spec reproduces.

use crate::{
    papers::{PAPERS, Paper, Placed},
    spec::Spec,
    store::PlacementRow,
};

/// A row of one of a paper's tables, in the words of its CSV file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::report) struct PaperRow {
    /// `HyperNet`.
    pub(in crate::report) model: String,
    /// `tps+0.2ssl`.
    pub(in crate::report) condition: String,
}

impl PaperRow {
    /// Whether a placed spec belongs to it.
    pub(in crate::report) fn has(&self, placed: &Placed) -> bool {
        (self.model.as_str(), self.condition.as_str()) == (placed.model, placed.condition)
    }

    /// The condition as readers know it: `TPS + 0.2 SSL`.
    pub(in crate::report) fn words(&self, paper: &Paper) -> String {
        paper.condition(&self.condition)
    }
}

/// The published rows that a resolved spec reproduces, in all papers.
pub fn placements(spec: &Spec) -> Vec<PlacementRow> {
    let of_paper = |paper: &'static Paper| {
        let row = |row: Placed| {
            let table = paper.table(row.table)?;
            Some(PlacementRow {
                paper: paper.name.into(),
                tbl: row.table.into(),
                model: row.model.into(),
                condition: row.condition.into(),
                protocol: table.protocol.name(),
                data: paper.data.into(),
                against: row.against.unwrap_or_default(),
            })
        };
        (paper.rows)(spec).into_iter().filter_map(row)
    };
    PAPERS.into_iter().flat_map(of_paper).collect()
}
