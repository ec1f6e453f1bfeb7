//! Errors in features, labels and files of predictions.

use crate::data;
use std::path::PathBuf;
use thiserror::Error as ThisError;

/// Why something cannot be scored.
#[derive(Debug, ThisError)]
pub enum Error {
    /// A GPU error.
    #[error(transparent)]
    Gpu(#[from] candle_core::Error),
    /// A feature that is NaN or infinite.
    #[error("row {row}, column {column} of the features: expected a finite number, found {value}")]
    NotFinite {
        /// Row of the matrix, from 0.
        row: usize,
        /// Column of the matrix, from 0.
        column: usize,
        /// Its value.
        value: f32,
    },
    /// A float64 beyond the range of float32, in which features are compared.
    #[error(
        "row {row}, column {column} of the features: expected a number that float32 can hold, found {value:e}"
    )]
    TooLarge {
        /// Row of the matrix, from 0.
        row: usize,
        /// Column of the matrix, from 0.
        column: usize,
        /// Its value.
        value: f64,
    },
    /// No model embedded an image that is asked for.
    #[error("image {row} was embedded by none of the adapted models")]
    NoPiece {
        /// From 0.
        row: usize,
    },
    /// Layers of two models that cannot be compared.
    #[error("the two models were looked at with other images, or in other mini-batches")]
    OtherImages,
    /// A row without a direction: all zeros.
    #[error("row {row} of the features: expected a vector with a direction, found only zeros")]
    ZeroRow {
        /// Row of the matrix, from 0.
        row: usize,
    },
    /// Values that do not fill whole rows.
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
        /// The file, or the folder if the file has no name.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// A file of features that is truncated or belongs to something else.
    #[error("{} is damaged: expected {rows} rows of 32-bit numbers, found {bytes} bytes", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The set's number of images.
        rows: usize,
        /// The file's length.
        bytes: u64,
    },
    /// Two matrices, or a matrix and a list, that do not fit together.
    #[error("expected {expected} {what}, found {found}")]
    Mismatch {
        /// What is counted.
        what: &'static str,
        /// The expected number.
        expected: usize,
        /// The number found.
        found: usize,
    },
    /// A query without any reference.
    #[error("query {query} has no reference: expected one outside its group, found none")]
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
    /// Images without any untreated control among them.
    #[error("expected at least one untreated control in the {within} `{of}`, found none")]
    NoControls {
        /// The kind of group: `plate`.
        within: String,
        /// Its name.
        of: String,
    },
    /// An image for hand-made features cannot be read.
    #[error(transparent)]
    Data(#[from] data::Error),
    /// Not even a few rows fit into memory.
    #[error("a search among these features needs {} of memory, and {} are free", megabytes(*needed), megabytes(*free))]
    Memory {
        /// Bytes that it needs.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// The listener asked to stop.
    #[error("stopped")]
    Stopped,
    /// An error in one task.
    #[error("{data}: {set}/{task}: {source}")]
    Task {
        /// The data set.
        data: String,
        /// The set in it.
        set: String,
        /// The task.
        task: String,
        /// The error.
        source: Box<Error>,
    },
    /// A file of predictions that cannot be written.
    #[error("cannot write predictions to {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A file of predictions that cannot be read.
    #[error("cannot read predictions from {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Predictions that do not record which unit an image belongs to.
    #[error("{task}: expected predictions that record the {unit} of every image, found none")]
    NoUnits {
        /// `Allen/Task_one`.
        task: String,
        /// The unit to be resampled.
        unit: &'static str,
    },
    /// Predictions that cannot be paired.
    #[error("{task}: expected the same images with the same labels in every file, found {found}")]
    Unpaired {
        /// `Allen/Task_one`.
        task: String,
        /// The difference.
        found: String,
    },
}

/// Rounded up.
fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes.div_ceil(1_000_000))
}

impl Error {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotFinite { row, .. } | Self::ZeroRow { row } => Some(format!(
                "features are in the order of the table: row {row} is line {} of enriched_meta.csv; check that image and the model that embedded it",
                row + 2
            )),
            Self::TooLarge { .. } => {
                Some("divide the features by a constant: neither metric changes its neighbours by that".into())
            }
            Self::Shape { .. } | Self::Mismatch { .. } => {
                Some("features.npy must have one row for each row of enriched_meta.csv, in the same order".into())
            }
            Self::NoReference { .. } => {
                Some("leaving a group out needs a second group or a training split; check the column that dataset.toml names".into())
            }
            Self::NoControls { .. } => Some(
                "a control has `True` (or `negcon`, `DMSO`) in the column with the role `control`, which `roles` in dataset.toml \
                 names; or say `.standardised(…)`, by all images"
                    .into(),
            ),
            Self::Empty { .. } => Some("check the column train_test_split of enriched_meta.csv".into()),
            Self::Memory { .. } => {
                Some("free some, or raise the limit (`ulimit -v`, the memory of the job); fewer `--threads` need less".into())
            }
            Self::Task { source, .. } => source.hint(),
            Self::Damaged { path, .. } => {
                Some(format!("delete {} and its work from the store, then run again", path.display()))
            }
            Self::NoPiece { .. } => {
                Some("ask only about images that the model adapts to: each batch or plate has a model of its own".into())
            }
            Self::OtherImages => {
                Some("compare models that looked at the same data, at one scale: `.inspect(…)` draws the same images for all".into())
            }
            Self::Gpu(_) | Self::Features { .. } => None,
            Self::Data(source) => source.hint(),
            Self::Read { .. } => Some(
                "the file is damaged: `dichroic db check --contents` lists all damaged files, `dichroic exp NAME --fresh` recomputes \
                 them"
                    .into(),
            ),
            Self::NoUnits { .. } => Some(
                "assign a column of enriched_meta.csv to it in dataset.toml (`roles = { field_of_view = \"…\" }`) and score \
                 again, or choose another unit; predictions of older versions record none"
                    .into(),
            ),
            Self::Unpaired { .. } => {
                Some("only predictions for the same data at the same scale can be paired".into())
            }
            Self::Write { .. } | Self::Stopped => None,
        }
    }
}
