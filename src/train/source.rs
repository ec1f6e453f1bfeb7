//! Where training images come from: folders on disk, or the simulator's memory.

use crate::{
    adapter::SetChannels,
    data::{self, ImageSet, Norm, Tape},
};

/// One training image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// The index of its training set.
    pub set: u16,
    /// Its class, over all training sets.
    pub class: u16,
    /// Its row in the set's table.
    pub row: u32,
}

/// Training images, whose number is known before any is read.
pub trait Source: Sync {
    /// The sets and their channels.
    fn sets(&self) -> &[SetChannels];

    /// The names of all classes, sorted; the position is the class's number.
    fn classes(&self) -> &[String];

    /// Every training image, set by set.
    fn items(&self) -> &[Item];

    /// Training images that are held out to monitor their loss; never trained on.
    fn held_out(&self) -> &[Item] {
        &[]
    }

    /// Indices of the items that an item may be paired with: other images of the same set that belong with
    /// it.
    fn partners(&self, _item: u32) -> &[u32] {
        &[]
    }

    /// What the images of a set are normalised by.
    fn norm(&self, set: usize) -> &Norm;

    /// Reads one image.
    ///
    /// # Errors
    /// If its file is missing or damaged.
    fn read(&self, item: Item) -> Result<Tape, data::Error>;
}

/// Some rows of some sets of a folder.
pub struct Folder<'a> {
    sets: Vec<(&'a ImageSet, Norm)>,
    channels: Vec<SetChannels>,
    classes: Vec<String>,
    items: Vec<Item>,
    held_out: Vec<Item>,
}

impl<'a> Folder<'a> {
    /// `sets`: each with the rows to train on and what its images are normalised by. Classes are the labels that occur
    /// in these rows; equal labels of two sets are one class, as in the released union of labels.
    pub fn new(sets: Vec<(&'a ImageSet, Vec<u32>, Norm)>) -> Self {
        let labels = |set: &ImageSet, rows: &[u32]| -> Vec<String> {
            let mut used = vec![false; set.labels.len()];
            rows.iter().for_each(|row| used[usize::from(set.label(*row))] = true);
            set.labels.iter().zip(used).filter(|(_, used)| *used).map(|(label, _)| label.clone()).collect()
        };
        let mut classes: Vec<String> = sets.iter().flat_map(|(set, rows, _)| labels(set, rows)).collect();
        classes.sort_unstable();
        classes.dedup();
        let of_set = |number: usize, set: &ImageSet, rows: &[u32]| of_set(&classes, number, set, rows);
        let items =
            sets.iter().enumerate().flat_map(|(number, (set, rows, _))| of_set(number, set, rows)).collect();
        let channels = sets
            .iter()
            .map(|(set, ..)| SetChannels { set: set.name.clone(), channels: set.channels.clone() })
            .collect();
        let sets = sets.into_iter().map(|(set, _, norm)| (set, norm)).collect();
        Self { sets, channels, classes, items, held_out: Vec::new() }
    }

    /// The same, with rows of each set for monitoring the loss; their labels must occur in rows that are
    /// trained on.
    #[must_use]
    pub fn holding_out(mut self, rows: &[Vec<u32>]) -> Self {
        let of_set = |(number, ((set, _), rows)): (usize, (&(&ImageSet, Norm), &Vec<u32>))| {
            of_set(&self.classes, number, set, rows)
        };
        self.held_out = self.sets.iter().zip(rows).enumerate().flat_map(of_set).collect();
        self
    }
}

/// Rows of a set with their classes.
fn of_set(classes: &[String], number: usize, set: &ImageSet, rows: &[u32]) -> Vec<Item> {
    // Labels without training rows are never looked up.
    let class = |label: &String| classes.binary_search(label).unwrap_or(0) as u16;
    let of_label: Vec<u16> = set.labels.iter().map(class).collect();
    let item = |&row: &u32| Item { set: number as u16, class: of_label[usize::from(set.label(row))], row };
    rows.iter().map(item).collect()
}

impl Source for Folder<'_> {
    fn sets(&self) -> &[SetChannels] {
        &self.channels
    }

    fn classes(&self) -> &[String] {
        &self.classes
    }

    fn items(&self) -> &[Item] {
        &self.items
    }

    fn held_out(&self) -> &[Item] {
        &self.held_out
    }

    fn norm(&self, set: usize) -> &Norm {
        &self.sets[set].1
    }

    fn read(&self, item: Item) -> Result<Tape, data::Error> {
        self.sets[usize::from(item.set)].0.read(item.row)
    }
}
