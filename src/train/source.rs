//! Where training images come from: folders on disk, or the simulator's memory.

use super::{
    Error,
    pairs::{Missing, Pairing, Partners},
};
use crate::{
    adapter::SetChannels,
    data::{self, ImageSet, Norm, Tape},
    spec::{Pairs, Role},
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
    fn partners(&self, _item: u32) -> Partners<'_> {
        Partners::default()
    }

    /// Whether a batch's images of all sets pass through the network together; they then have as many channels.
    fn mixes_sets(&self) -> bool {
        false
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
    pairing: Option<Pairing>,
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
        Self { sets, channels, classes, items, held_out: Vec::new(), pairing: None }
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

    /// The same in pairs of images of one treatment (of one label, if there are no treatments) that differ in a role; and
    /// what is missing.
    ///
    /// # Errors
    /// If the images of a set have no such role, or an image has no partner and that is an error.
    pub fn pairing(mut self, pairs: Pairs) -> Result<(Self, Missing), Error> {
        let across = pairs.across;
        let mut keys = Vec::with_capacity(self.items.len());
        for (number, item) in self.items.iter().enumerate() {
            let (set, row) = (self.sets[usize::from(item.set)].0, item.row as usize);
            let Some(apart) = set.role_column(across) else {
                return Err(Error::NoRole { set: set.name.clone(), role: across.words() });
            };
            let (alike, known) = match set.role_column(Role::Treatment) {
                Some(column) => (column.ids[row], !column.names[column.ids[row] as usize].is_empty()),
                None => (u32::from(set.label(item.row)), true),
            };
            let apart = apart.ids[row];
            // What is not known to have had a treatment has had none like others.
            let alike = if known { alike } else { u32::MAX - number as u32 };
            keys.push((item.set, alike, apart));
        }
        let (pairing, missing) = Pairing::new(&keys, pairs.on_missing);
        if missing.left > 0 {
            let message = missing.remark(&across.words()).unwrap_or_default();
            return Err(Error::NoPartners { message });
        }
        self.pairing = Some(pairing);
        Ok((self, missing))
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

    fn partners(&self, item: u32) -> Partners<'_> {
        self.pairing.as_ref().map(|pairing| pairing.of(item)).unwrap_or_default()
    }

    fn norm(&self, set: usize) -> &Norm {
        &self.sets[set].1
    }

    fn read(&self, item: Item) -> Result<Tape, data::Error> {
        self.sets[usize::from(item.set)].0.read(item.row)
    }
}
