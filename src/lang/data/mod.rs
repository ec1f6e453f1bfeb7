//! Data sets by name: a file for each that this program knows, and folders of one's own.
//!
//! A known data set is a file here, with its words and its [`Known`] facts, a file in the main crate's `data/known`, with
//! what its folder does not say, and a line in each of the two lists. What training on one data set means for the channels
//! of another is listed nowhere: the compiler decides about the sets of one data set, the planner about two.

pub mod chammi;
mod folder;
pub mod jump;

use crate::dsl::{DataSetWord, Next, Zero};

/// What is known of a data set by its name.
#[derive(Debug)]
pub struct Known {
    /// In specs, in the store, and in `--data NAME=PATH`: `chammi`.
    pub name: &'static str,
    /// In messages: `CHAMMI`.
    pub title: &'static str,
    /// Its sets, as its folders are called, in the order in which a step visits them.
    pub sets: &'static [&'static str],
}

/// Lists the known data sets: the module of each, which has its facts as `KNOWN`, the word for all of it, and the words and
/// traits for its parts.
macro_rules! known {
    ($($module:ident::{$word:ident $(, $part:ident)*}),* $(,)?) => {
        /// Every data set that this program knows by name.
        pub static KNOWN: &[&Known] = &[$(&$module::KNOWN),*];

        /// The words of all data sets.
        pub mod said {
            pub use super::folder::{Folder, FolderParts, Only};
            $(pub use super::$module::{$word $(, $part)*};)*
        }

        known! { @places Next<Zero>; $($module::$word)* }
    };
    // A data set's place in the list is a number of the compiler's: the only thing that two of them are compared by.
    (@places $place:ty;) => {};
    (@places $place:ty; $module:ident::$word:ident $($rest:tt)*) => {
        impl DataSetWord for $module::$word {
            type Place = $place;
        }
        known! { @places Next<$place>; $($rest)* }
    };
}
known! {
    chammi::{Chammi, Wtc, Hpa, Cp},
    jump::{Jump, OneSource, S3, S5, S7, S8, S10, S11, JumpSplits},
}

/// What is known of the data set of that name; nothing of a folder of one's own.
pub fn known(name: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.name == name).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_key() {
        for known in KNOWN {
            assert_eq!(super::known(known.name).map(|found| found.title), Some(known.title));
            assert!(!known.sets.is_empty(), "{} has no sets", known.name);
        }
        assert!(super::known("mini_real").is_none());
    }
}
