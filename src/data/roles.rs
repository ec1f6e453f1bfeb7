//! Roles of table columns (plate, well, batch …), so that splits, exclusions and pairs need no column names.

use serde::{Deserialize, Serialize};

/// What a column of a table is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The class to recognise.
    Label,
    /// The treatment of the cells.
    Treatment,
    /// Whether it is an untreated control.
    Control,
    /// The laboratory or microscope.
    Source,
    /// Samples prepared and imaged together.
    Batch,
    /// The multi-well plate.
    Plate,
    /// The well of the plate.
    Well,
    /// The position in the well.
    Site,
    /// The image from which the cell was cropped.
    FieldOfView,
    /// The cell line.
    CellLine,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 10] = [
        Self::Label,
        Self::Treatment,
        Self::Control,
        Self::Source,
        Self::Batch,
        Self::Plate,
        Self::Well,
        Self::Site,
        Self::FieldOfView,
        Self::CellLine,
    ];

    /// The name in `dataset.toml`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Label => "label",
            Self::Treatment => "treatment",
            Self::Control => "control",
            Self::Source => "source",
            Self::Batch => "batch",
            Self::Plate => "plate",
            Self::Well => "well",
            Self::Site => "site",
            Self::FieldOfView => "field_of_view",
            Self::CellLine => "cell_line",
        }
    }

    /// The columns that have this role if `dataset.toml` names none; the first that exists: CHAMMI's names,
    /// then the role's own. (WTC's `Structure` is the tagged protein; each one is its own clonal line.)
    pub fn default_columns(self) -> &'static [&'static str] {
        match self {
            Self::Label => &["Label", "label"],
            Self::Treatment => &["Treatment", "treatment"],
            Self::Control => &["control"],
            Self::Source => &["source"],
            Self::Batch => &["batch"],
            Self::Plate => &["Plate", "plate"],
            Self::Well => &["Well", "well"],
            Self::Site => &["site"],
            Self::FieldOfView => &["FOVId", "field_of_view"],
            Self::CellLine => &["cell_type", "Structure", "cell_line"],
        }
    }
}
