//! One set: images with the same channels, and what its table says of each, in about a hundred bytes an image.

use super::{Error, Role, Statistics, Tape, image};
use std::path::{Path, PathBuf};

/// Images with the same channels.
#[derive(Debug)]
pub struct ImageSet {
    /// The folder's name: `Allen`.
    pub name: String,
    /// The channels, in the order of the tape.
    pub channels: Vec<String>,
    /// Every label of the set, sorted; label ids index it.
    pub labels: Vec<String>,
    /// `Task_one`, `Task_two`, …, in that order.
    pub tasks: Vec<Task>,
    /// Mean and SD that a publication prints for this set: CHAMMI's only.
    pub printed_statistics: Option<Statistics>,
    /// Side of a pixel in micrometres, where the description says it.
    pub pixel_size_um: Option<f64>,
    pub(super) root: PathBuf,
    pub(super) rows: Rows,
}

/// A question put to a model: which label has each of these images?
#[derive(Clone, Debug)]
pub struct Task {
    /// `Task_one`.
    pub name: String,
    /// The rows asked about, ascending.
    pub queries: Vec<u32>,
    /// Groups that are left out in turn; none: the references are Train alone.
    pub leave_out: Option<LeaveOut>,
}

/// Groups of a task's images that are left out in turn: an image may be recognised by those of other groups.
#[derive(Clone, Debug)]
pub struct LeaveOut {
    /// The column that holds the groups.
    pub column: String,
    /// The group of each query, an index of `names`.
    pub group: Vec<u32>,
    /// The groups, in the order in which they occur in the table.
    pub names: Vec<String>,
}

/// A column of text, each different value kept once.
#[derive(Clone, Debug, Default)]
pub struct Column {
    /// For each row an index of `names`.
    pub ids: Vec<u32>,
    /// The values, in the order in which they occur in the table.
    pub names: Vec<String>,
}

/// What the table says, by column.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// All values of `file_path`, one behind the other, and where each ends.
    pub(super) paths: String,
    pub(super) ends: Vec<u64>,
    pub(super) labels: Vec<u16>,
    pub(super) channel_widths: Vec<u32>,
    pub(super) flags: Vec<u8>,
    pub(super) roles: Vec<(Role, Column)>,
}

/// The row belongs to split `Train`.
pub(super) const TRAIN: u8 = 1;
/// `file_path` is relative to the folder of the set, not to that of the data set.
pub(super) const IN_SET_FOLDER: u8 = 2;

impl ImageSet {
    /// Number of images.
    pub fn len(&self) -> usize {
        self.rows.ends.len()
    }

    /// Whether there are none; an opened set has some.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// `file_path` as the table writes it: the image's key in the store.
    pub fn key(&self, row: u32) -> &str {
        let row = row as usize;
        let start = if row == 0 { 0 } else { self.rows.ends[row - 1] };
        &self.rows.paths[start as usize..self.rows.ends[row] as usize]
    }

    /// Where the image lies.
    pub fn path(&self, row: u32) -> PathBuf {
        let mut path = self.root.clone();
        if self.rows.flags[row as usize] & IN_SET_FOLDER != 0 {
            path.push(&self.name);
        }
        path.push(self.key(row));
        path
    }

    /// The table that describes the images.
    pub fn table(&self) -> PathBuf {
        table_of(&self.root, &self.name)
    }

    /// The label's id, an index of `labels`.
    pub fn label(&self, row: u32) -> u16 {
        self.rows.labels[row as usize]
    }

    /// Whether the image belongs to split `Train`.
    pub fn is_train(&self, row: u32) -> bool {
        self.rows.flags[row as usize] & TRAIN != 0
    }

    /// The rows of split `Train`, ascending.
    pub fn train_rows(&self) -> Vec<u32> {
        (0..self.len() as u32).filter(|&row| self.is_train(row)).collect()
    }

    /// Width of one channel in pixels, as the table says.
    pub fn channel_width(&self, row: u32) -> usize {
        self.rows.channel_widths[row as usize] as usize
    }

    /// What the column that plays `role` says of the image; none if there is no such column or its field is empty.
    pub fn role(&self, row: u32, role: Role) -> Option<&str> {
        let column = self.role_column(role)?;
        Some(column.names[column.ids[row as usize] as usize].as_str()).filter(|value| !value.is_empty())
    }

    /// The whole column that plays `role`. The label is not among them: it is [`Self::label`].
    pub fn role_column(&self, role: Role) -> Option<&Column> {
        self.rows.roles.iter().find(|(found, _)| *found == role).map(|(_, column)| column)
    }

    /// The task called `name`.
    pub fn task(&self, name: &str) -> Option<&Task> {
        self.tasks.iter().find(|task| task.name == name)
    }

    /// Reads the image.
    ///
    /// # Errors
    /// If the file cannot be read, is damaged, is not 8-bit grey, or has another width than table and channels say.
    pub fn read(&self, row: u32) -> Result<Tape, Error> {
        self.decode(row, &self.bytes(row)?)
    }

    pub(super) fn bytes(&self, row: u32) -> Result<Vec<u8>, Error> {
        std::fs::read(self.path(row)).map_err(|cause| self.fault(row, image::Fault::Unreadable(cause)))
    }

    pub(super) fn decode(&self, row: u32, bytes: &[u8]) -> Result<Tape, Error> {
        let decoded = image::decode(bytes, self.channel_width(row));
        let tape = decoded.map_err(|fault| self.fault(row, fault))?;
        if tape.channels != self.channels.len() {
            let fault = image::Fault::Channels { found: tape.channels, expected: self.channels.clone() };
            return Err(self.fault(row, fault));
        }
        Ok(tape)
    }

    fn fault(&self, row: u32, fault: image::Fault) -> Error {
        Error::Image {
            file: self.path(row),
            table: self.table(),
            row: sheet_row(row),
            fault: Box::new(fault),
        }
    }
}

/// Rows are counted as spreadsheets do: the header is row 1.
pub(super) fn sheet_row(row: u32) -> u64 {
    u64::from(row) + 2
}

/// Where the table of a set lies.
pub(super) fn table_of(root: &Path, set: &str) -> PathBuf {
    root.join(set).join("enriched_meta.csv")
}
