//! Folders of one's own: the language knows their name, and the planner the rest.

use crate::{
    dsl::{DataSetWord, DataWord, Having, NotKnown, TrainingData, Zero},
    role::Role,
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

/// One laboratory, batch or plate of a folder, by what its tables say: what to train on, and what to ask or adapt to.
///
/// ```
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// # let model = Vit::mini().scratch().adapter(Planes(["dna", "er", "mito"]));
/// let screen = Folder("my_screen");
/// let dual = model.train_on(screen.source("A")).loss(DinoV1::ema(0.996)).classify(Vit::mini());
/// let target = screen.source("B");
/// let _ = dual.adapt(Oda::per(Plate), target.clone()).evaluate(Accuracy.on(target));
/// ```
pub trait FolderParts: DataWord<Of = Folder> + Sized {
    /// The images of one laboratory or microscope: [`Role::Source`].
    fn source(self, name: impl Into<String>) -> Having<Self> {
        self.having(Role::Source, [name])
    }

    /// The images of one batch: [`Role::Batch`].
    fn batch(self, name: impl Into<String>) -> Having<Self> {
        self.having(Role::Batch, [name])
    }

    /// The images of one plate: [`Role::Plate`].
    fn plate(self, name: impl Into<String>) -> Having<Self> {
        self.having(Role::Plate, [name])
    }
}
impl<D: DataWord<Of = Folder>> FolderParts for D {}

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
