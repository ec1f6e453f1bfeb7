//! Roles of table columns (plate, well, batch …): a spec names what a column is about, the folder's description names
//! the column.

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
    /// What the plate is for: `train`, `selection`, `strict`.
    PlateSplit,
    /// Whether the treatment is trained on: `seen`, `unseen`.
    CompoundSplit,
    /// Whether the well's position is trained on: `seen`, `unseen`.
    PositionSplit,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 13] = [
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
        Self::PlateSplit,
        Self::CompoundSplit,
        Self::PositionSplit,
    ];

    /// The name in `dataset.toml` and in JSON.
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
            Self::PlateSplit => "plate_split",
            Self::CompoundSplit => "compound_split",
            Self::PositionSplit => "position_split",
        }
    }

    /// In a sentence: `field of view`.
    pub fn words(self) -> String {
        self.name().replace('_', " ")
    }
}
