//! CHAMMI: three sets that share no channel layout, nine tasks.

use super::Known;
use crate::{
    dsl::{DataWord, No, TrainingData, Without, Yes},
    spec::Selection,
};

/// Its name.
pub const NAME: &str = "chammi";

/// Its sets, as its folders are called (WTC-11 is in `Allen`), in the order in which a step visits them.
pub const SETS: [&str; 3] = ["Allen", "HPA", "CP"];

/// What is known of it.
pub static KNOWN: Known = Known { name: NAME, title: "CHAMMI", sets: &SETS };

/// Some of its sets.
pub fn selection(sets: &[&str]) -> Selection {
    Selection::new(NAME, sets)
}

/// The CHAMMI benchmark: `Wtc`, `Hpa` and `Cp` together, nine tasks.
#[derive(Clone, Copy, Debug)]
pub struct Chammi;

/// CHAMMI's WTC-11 cells: 3 channels, two tasks. The folder is called `Allen`.
#[derive(Clone, Copy, Debug)]
pub struct Wtc;

/// CHAMMI's cells of the Human Protein Atlas: 4 channels, three tasks.
#[derive(Clone, Copy, Debug)]
pub struct Hpa;

/// CHAMMI's Cell Painting images: 5 channels, four tasks.
#[derive(Clone, Copy, Debug)]
pub struct Cp;

/// One of the three sets of CHAMMI.
///
/// ```
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// let _ = Chammi.without(Wtc);
/// ```
/// ```compile_fail
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// let _ = Chammi.without(Chammi);
/// ```
#[diagnostic::on_unimplemented(
    message = "CHAMMI has no part `{Self}` to leave out",
    label = "expected `Wtc`, `Hpa` or `Cp`"
)]
pub trait Part: DataWord<Of = Chammi> + Copy {}

impl Chammi {
    /// Leaves one part out.
    pub const fn without<X: Part>(self, part: X) -> Without<Self, X> {
        Without::new(self, part)
    }
}

impl DataWord for Chammi {
    type Of = Self;
    type Sets = (Yes, (Yes, (Yes, ())));

    fn data(&self) -> Selection {
        selection(&SETS)
    }
}

macro_rules! parts {
    ($($word:ident $folder:literal $sets:ty;)*) => {$(
        impl Part for $word {}
        impl DataWord for $word {
            type Of = Chammi;
            type Sets = $sets;

            fn data(&self) -> Selection {
                selection(&[$folder])
            }
        }
    )*};
}
parts! {
    Wtc "Allen" (Yes, (No, (No, ())));
    Hpa "HPA" (No, (Yes, (No, ())));
    Cp "CP" (No, (No, (Yes, ())));
}

impl TrainingData for Chammi {}
