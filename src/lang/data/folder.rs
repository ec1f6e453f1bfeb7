//! Folders of one's own: the language knows their name, and the planner the rest.

use crate::{
    dsl::{DataSetWord, DataWord, NotKnown, TrainingData, Zero},
    spec::Selection,
};

/// Images of your own, by the name that `--data NAME=PATH` gives a place to.
#[derive(Clone, Copy, Debug)]
pub struct Folder(pub &'static str);

impl Folder {
    /// Only these sets of it, in this order.
    pub fn only<const N: usize>(self, sets: [&str; N]) -> Only {
        Only(Selection::new(self.0, &sets))
    }
}

/// Some sets of a folder; said as `Folder("mini_real").only(["Yeast"])`.
#[derive(Clone, Debug)]
pub struct Only(Selection);

impl DataSetWord for Folder {
    type Place = Zero;
}

impl DataWord for Folder {
    type Of = Self;
    type Sets = NotKnown;

    fn data(&self) -> Selection {
        Selection::new(self.0, &[])
    }
}

impl DataWord for Only {
    type Of = Folder;
    type Sets = NotKnown;

    fn data(&self) -> Selection {
        self.0.clone()
    }
}

impl TrainingData for Folder {}
impl TrainingData for Only {}
