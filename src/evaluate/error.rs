//! What can be wrong with features, labels and the files that keep predictions.

use crate::data;
use std::path::PathBuf;
use thiserror::Error as ThisError;

/// Why something cannot be scored.
#[derive(Debug, ThisError)]
pub enum Error {
    /// A GPU fails.
    #[error(transparent)]
    Gpu(#[from] candle_core::Error),
    /// A feature that is no number, or has no end.
    #[error("row {row}, column {column} of the features: expected a finite number, found {value}")]
    NotFinite {
        /// Row of the matrix, from 0.
        row: usize,
        /// Column of the matrix, from 0.
        column: usize,
        /// What stands there.
        value: f32,
    },
    /// A row without direction.
    #[error("row {row} of the features: expected a vector with a direction, found only zeros")]
    ZeroRow {
        /// Row of the matrix, from 0.
        row: usize,
    },
    /// A matrix whose rows are not all of one width.
    #[error("expected features in rows of {width}, found {len} values")]
    Shape {
        /// Expected columns.
        width: usize,
        /// Values found.
        len: usize,
    },
    /// A file of features that cannot be read or written.
    #[error("cannot use features in {}: {source}", path.display())]
    Features {
        /// The file, or the folder of one without a name.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A file of features that is cut off or belongs to something else.
    #[error("{} is damaged: expected {rows} rows of 32-bit numbers, found {bytes} bytes", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// How many images the set has.
        rows: usize,
        /// The file's length.
        bytes: u64,
    },
    /// Two matrices, or a matrix and a list, that do not belong together.
    #[error("expected {expected} {what}, found {found}")]
    Mismatch {
        /// What is counted.
        what: &'static str,
        /// How many there should be.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// A query without anything to compare it with.
    #[error(
        "query {query} has nothing to be compared with: expected a reference outside its group, found none"
    )]
    NoReference {
        /// Position among the queries, from 0.
        query: usize,
    },
    /// A task without images, or without training images.
    #[error("expected at least one {what}, found none")]
    Empty {
        /// What is missing.
        what: &'static str,
    },
    /// An image that hand-made features are computed from.
    #[error(transparent)]
    Data(#[from] data::Error),
    /// The listener asked to stop.
    #[error("stopped")]
    Stopped,
    /// Something inside one task.
    #[error("{data}: {set}/{task}: {source}")]
    Task {
        /// The data set.
        data: String,
        /// The set in it.
        set: String,
        /// The task.
        task: String,
        /// What is wrong there.
        source: Box<Error>,
    },
    /// A file of predictions that cannot be written.
    #[error("cannot write predictions to {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A file of predictions that cannot be read.
    #[error("cannot read predictions from {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Predictions that do not say which unit an image belongs to.
    #[error("{task}: expected predictions that know the {unit} of every image, found none")]
    NoUnits {
        /// `Allen/Task_one`.
        task: String,
        /// What was to be drawn.
        unit: &'static str,
    },
    /// Predictions that cannot be set side by side.
    #[error("{task}: expected the same images with the same labels from everybody, found {found}")]
    Unpaired {
        /// `Allen/Task_one`.
        task: String,
        /// What differs.
        found: String,
    },
}

impl Error {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotFinite { row, .. } | Self::ZeroRow { row } => Some(format!(
                "features belong to the table's rows in order: row {row} is line {} of enriched_meta.csv; look at that image and at the model that embedded it",
                row + 2
            )),
            Self::Shape { .. } | Self::Mismatch { .. } => {
                Some("features.npy has one row for each row of enriched_meta.csv, in the same order".into())
            }
            Self::NoReference { .. } => {
                Some("leaving a group out needs a second group or a training split; look at the column that dataset.toml names".into())
            }
            Self::Empty { .. } => Some("look at the column train_test_split of enriched_meta.csv".into()),
            Self::Task { source, .. } => source.hint(),
            Self::Damaged { path, .. } => {
                Some(format!("delete {} and its work from the store, then run again", path.display()))
            }
            Self::Gpu(_) | Self::Features { .. } => None,
            Self::Data(source) => source.hint(),
            Self::Read { .. } => Some(
                "the file is damaged: `dichroic db check --contents` names all such files, `dichroic exp NAME --fresh` makes \
                 them anew"
                    .into(),
            ),
            Self::NoUnits { .. } => Some(
                "give a column of enriched_meta.csv this part in dataset.toml (`roles = { field_of_view = \"…\" }`) and score \
                 again, or draw another unit; predictions of older programs know none"
                    .into(),
            ),
            Self::Unpaired { .. } => {
                Some("only predictions for the same data at the same scale can be compared in pairs".into())
            }
            Self::Write { .. } | Self::Stopped => None,
        }
    }
}
