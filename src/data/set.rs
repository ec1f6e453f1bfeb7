//! One set: images with the same channels, and their metadata in about a hundred bytes per image.

use super::{
    Role, Statistics,
    intensity::{Intensity, Measured},
    layout::Layout,
};
use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
};

/// Images with the same channels.
#[derive(Debug)]
pub struct ImageSet {
    /// The folder's name: `Allen`.
    pub name: String,
    /// The channels, in the order of the tape, by the vocabulary's names.
    pub channels: Vec<String>,
    /// The channels as `dataset.toml` spells them.
    pub spelled: Vec<String>,
    /// Every label of the set, sorted; label ids index it.
    pub labels: Vec<String>,
    /// `Task_one`, `Task_two`, …, in that order.
    pub tasks: Vec<Task>,
    /// Published mean and SD of this set: CHAMMI's only.
    pub printed_statistics: Option<Statistics>,
    /// Side of a pixel in micrometres, if described.
    pub pixel_size_um: Option<f64>,
    pub(super) root: PathBuf,
    /// The table that describes the images.
    pub(super) table: PathBuf,
    /// Rows of the table that are about this set and are no images of it, because they have no label.
    pub(super) unlabelled: u64,
    pub(super) layout: Layout,
    pub(super) intensity: Option<Intensity>,
    /// The ranges of grey levels, once measured.
    pub(super) measured: OnceLock<Measured>,
    pub(super) rows: Rows,
}

/// A classification task: which label has each of these images?
#[derive(Clone, Debug)]
pub struct Task {
    /// `Task_one`.
    pub name: String,
    /// The queried rows, ascending.
    pub queries: Vec<u32>,
    /// Groups that are left out in turn; none: the references are Train only.
    pub leave_out: Option<LeaveOut>,
}

/// Groups of a task's images that are left out in turn: an image may be recognised by images of other groups.
#[derive(Clone, Debug)]
pub struct LeaveOut {
    /// The column that holds the groups.
    pub column: String,
    /// The group of each query, an index into `names`.
    pub group: Vec<u32>,
    /// The groups, in table order.
    pub names: Vec<String>,
}

/// A column of text in which each distinct value is stored once.
#[derive(Clone, Debug, Default)]
pub struct Column {
    /// For each row an index into `names`.
    pub ids: Vec<u32>,
    /// The values, in table order.
    pub names: Vec<String>,
}

/// The table's contents, by column.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// `file_path`, or what the names of the row's files have in common.
    pub(super) keys: Texts,
    /// For one file per channel: their names, with a mark in place of the channel.
    pub(super) templates: Texts,
    pub(super) labels: Vec<u16>,
    /// For tapes whose table states it; none: channels have equal parts of a tape.
    pub(super) channel_widths: Vec<u32>,
    /// For tables that other sets share: the row of the table, as spreadsheets count. None: rows are those of the table.
    pub(super) lines: Vec<u32>,
    pub(super) flags: Vec<u8>,
    pub(super) roles: Vec<(Role, Column)>,
    /// The groups for measuring grey levels, if any.
    pub(super) groups: Column,
}

/// Many texts in one allocation.
#[derive(Debug, Default)]
pub(super) struct Texts {
    /// The texts, concatenated, and where each ends.
    text: String,
    ends: Vec<u64>,
}

impl Texts {
    pub(super) fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.ends.push(self.text.len() as u64);
    }

    pub(super) fn get(&self, at: usize) -> &str {
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.text[start as usize..self.ends[at] as usize]
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }
}

/// The row belongs to split `Train`.
pub(super) const TRAIN: u8 = 1;
/// `file_path` is relative to the folder of the set, not to that of the data set.
pub(super) const IN_SET_FOLDER: u8 = 2;

impl ImageSet {
    /// Number of images.
    pub fn len(&self) -> usize {
        self.rows.keys.len()
    }

    /// Whether there are no images; an opened set has some.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The image's key in the store: `file_path` as in the table; for one file per channel, the common part
    /// of the file names: without channel, separator and extension.
    pub fn key(&self, row: u32) -> &str {
        self.rows.keys.get(row as usize)
    }

    /// The table that describes the images.
    pub fn table(&self) -> PathBuf {
        self.table.clone()
    }

    /// The label's id, an index into `labels`.
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

    /// Width of one channel of a tape in pixels, if the table states it.
    pub(super) fn channel_width(&self, row: u32) -> Option<usize> {
        self.rows.channel_widths.get(row as usize).map(|width| *width as usize)
    }

    /// The row of the table. Rows are counted as in spreadsheets: the header is row 1.
    pub(super) fn sheet_row(&self, row: u32) -> u64 {
        self.rows.lines.get(row as usize).map_or_else(|| sheet_row(row), |line| u64::from(*line))
    }

    /// The layout of channels in files, in words.
    pub fn layout(&self) -> String {
        self.layout.describe()
    }

    /// The intensity rule in words, if there is one.
    pub fn intensity(&self) -> Option<String> {
        self.intensity.as_ref().map(|rule| rule.describe(&self.spelled))
    }

    /// The value of the column with `role`; none if there is no such column or its field is empty.
    pub fn role(&self, row: u32, role: Role) -> Option<&str> {
        let column = self.role_column(role)?;
        Some(column.names[column.ids[row as usize] as usize].as_str()).filter(|value| !value.is_empty())
    }

    /// The whole column with `role`. The label has no such column: see [`Self::label`].
    pub fn role_column(&self, role: Role) -> Option<&Column> {
        self.rows.roles.iter().find(|(found, _)| *found == role).map(|(_, column)| column)
    }

    /// The task called `name`.
    pub fn task(&self, name: &str) -> Option<&Task> {
        self.tasks.iter().find(|task| task.name == name)
    }
}

/// The row in a table of one set.
pub(super) fn sheet_row(row: u32) -> u64 {
    u64::from(row) + 2
}

/// The path of a set's table.
pub(super) fn table_of(root: &Path, set: &str) -> PathBuf {
    root.join(set).join("enriched_meta.csv")
}
