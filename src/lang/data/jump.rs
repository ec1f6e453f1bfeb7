//! JUMP-CP TARGET2: the same 302 compounds on plates of many laboratories. Six of these sources, one task: the mechanism of
//! action.

use super::Known;
use crate::{
    dsl::{DataWord, Having, TrainingData, Yes},
    role::Role,
    spec::Selection,
};

/// Its name.
pub const NAME: &str = "jump";

/// Its sets: sources, by their public names.
pub const SETS: [&str; 6] = ["source_3", "source_5", "source_7", "source_8", "source_10", "source_11"];

/// What is known of it.
pub static KNOWN: Known = Known { name: NAME, title: "JUMP TARGET2", sets: &SETS };

/// The plate of a source by which checkpoints are selected. It is no training plate. Two sources are only adapted to and
/// have none.
pub const SELECTION_PLATES: [(&str, &str); 4] = [
    ("source_3", "JCPQC016"),
    ("source_5", "ACPJUM012"),
    ("source_8", "A1166127"),
    ("source_11", "EC103-132LM2"),
];

/// The selection plate of a source, if it has one.
pub fn selection_plate(source: &str) -> Option<&'static str> {
    SELECTION_PLATES.iter().find(|(of, _)| *of == source).map(|(_, plate)| *plate)
}

/// The values of [`Role::PlateSplit`], [`Role::CompoundSplit`] and [`Role::PositionSplit`].
pub mod split {
    /// A plate that is trained on.
    pub const TRAIN: &str = "train";
    /// The plate that selects checkpoints.
    pub const SELECTION: &str = "selection";
    /// The second plate that is held out.
    pub const STRICT: &str = "strict";
    /// A compound or position that is trained on.
    pub const SEEN: &str = "seen";
    /// A compound or position that is held out.
    pub const UNSEEN: &str = "unseen";
}

/// All sources of JUMP TARGET2 together.
#[derive(Clone, Copy, Debug)]
pub struct Jump;

impl DataWord for Jump {
    type Of = Self;
    type Sets = (Yes, ());

    fn data(&self) -> Selection {
        Selection::new(NAME, &SETS)
    }
}

impl TrainingData for Jump {}

/// One source: one laboratory with its microscope. All have the same channels, so that to the compiler they are one set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OneSource(&'static str);

impl DataWord for OneSource {
    type Of = Jump;
    type Sets = (Yes, ());

    fn data(&self) -> Selection {
        Selection::new(NAME, &[self.0])
    }
}

impl TrainingData for OneSource {}

impl OneSource {
    /// Its public name: `source_3`.
    pub fn name(self) -> &'static str {
        self.0
    }
}

/// Source 3: Opera Phenix, widefield, NA 1.0. Nine sites a well, 25 plates in 13 batches.
pub const S3: OneSource = OneSource("source_3");
/// Source 5: CV8000, confocal, NA 0.75. Nine sites a well, 24 plates in 23 batches.
pub const S5: OneSource = OneSource("source_5");
/// Source 7: CV7000, confocal, NA 0.75. Nine sites a well, 7 plates in 7 batches. It has no selection plate.
pub const S7: OneSource = OneSource("source_7");
/// Source 8: ImageXpress Micro, confocal, NA 0.75. Nine sites a well, 4 plates in 4 batches.
pub const S8: OneSource = OneSource("source_8");
/// Source 10: CV8000, confocal, NA 0.75. Six sites a well, 6 plates in 6 batches. It has no selection plate.
pub const S10: OneSource = OneSource("source_10");
/// Source 11: Operetta, widefield, NA 1.0. Nine sites a well, 7 plates in 4 batches.
pub const S11: OneSource = OneSource("source_11");

/// Splits of JUMP that ask more than a plate that was not trained on.
///
/// On TARGET2 every plate has the same layout, and all plates have the same compounds: on another plate, a model meets known
/// compounds at known positions. These splits are of [`Role`]s, so that a folder of one's own that names columns for
/// them has them too.
///
/// ```
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// let _ = OneNn::cosine().on(S3.selection_plate());
/// let _ = OneNn::cosine().on(Jump.unseen_compounds());
/// let _ = OneNn::cosine().on(S8.strict_plate().unseen_compounds());
/// ```
pub trait JumpSplits: DataWord<Of = Jump> + Sized {
    /// The plate of each source that is not trained on: what the papers' diagonal is measured on. Checkpoints may have been
    /// selected by it, so that it is no test plate. Sources 7 and 10 have none.
    fn selection_plate(self) -> Having<Self> {
        self.having(Role::PlateSplit, [split::SELECTION])
    }

    /// Without the selection plate and without the strict plate of each source: what to train on if the strict plate is to
    /// be asked.
    fn strict(self) -> Having<Self> {
        self.having(Role::PlateSplit, [split::TRAIN])
    }

    /// The strict plate of each source: of plates in other batches than the selection plate, those whose batches have the
    /// fewest plates, and of these the last by name.
    fn strict_plate(self) -> Having<Self> {
        self.having(Role::PlateSplit, [split::STRICT])
    }

    /// Compounds to train on if the others are to be asked.
    fn seen_compounds(self) -> Having<Self> {
        self.having(Role::CompoundSplit, [split::SEEN])
    }

    /// Of every mechanism with several compounds, the one that is last by its id, in all sources.
    fn unseen_compounds(self) -> Having<Self> {
        self.having(Role::CompoundSplit, [split::UNSEEN])
    }

    /// Wells to train on if the others are to be asked. The table needs a column of wells.
    fn seen_positions(self) -> Having<Self> {
        self.having(Role::PositionSplit, [split::SEEN])
    }

    /// Wells on every fourth diagonal: row plus column, both counted from 1, is divisible by 4.
    fn unseen_positions(self) -> Having<Self> {
        self.having(Role::PositionSplit, [split::UNSEEN])
    }
}
impl<D: DataWord<Of = Jump>> JumpSplits for D {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_conditions_on_columns() {
        let said = |data: Selection| data.to_string();
        assert_eq!(said(S3.selection_plate().data()), "jump (source_3) having plate split selection");
        assert_eq!(said(S8.strict().data()), "jump (source_8) having plate split train");
        assert_eq!(
            said(S11.strict_plate().unseen_compounds().data()),
            "jump (source_11) having plate split strict and compound split unseen"
        );
        assert_eq!(
            said(Jump.unseen_positions().data()),
            "jump (source_3, source_5, source_7, source_8, source_10, source_11) having position split unseen"
        );
        for (source, plate) in SELECTION_PLATES {
            assert!(SETS.contains(&source));
            assert_eq!(selection_plate(source), Some(plate));
        }
        assert_eq!(selection_plate("source_7"), None);
    }
}
