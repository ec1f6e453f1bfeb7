//! Data sets, and which channels a model has seen of them.

use crate::spec::Selection;

/// Images that a model can be scored on.
///
/// ```
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// let _ = (OneNn::cosine().on(Chammi), OneNn::l2().on(Folder("mini_real")));
/// ```
/// ```compile_fail
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// let _ = OneNn::cosine().on("mini_real");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not something to evaluate on",
    label = "expected a data set, such as `Chammi`, `Wtc` or `Folder(\"mini_real\")`"
)]
pub trait DataWord: Clone {
    /// The same as plain data.
    fn data(&self) -> Selection;
}

/// Images that a model can be trained on: the split `Train` of each set.
///
/// ```
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// # let model = ConvNext::atto().scratch().adapter(HyperNet { z: 128, hidden: 256 });
/// let _ = model.train_on(Folder("mini_real").only(["Jurkat", "Yeast"]));
/// ```
/// ```compile_fail
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// # let model = ConvNext::atto().scratch().adapter(HyperNet { z: 128, hidden: 256 });
/// let _ = model.train_on(Wtc);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not something to train on",
    label = "expected training images, such as `Chammi`",
    note = "train on `Chammi`, `Chammi.without(Wtc)` or a folder of your own, as in `Folder(\"mini_real\")`; `Wtc`, `Hpa` and `Cp` name what is evaluated"
)]
pub trait TrainingData: DataWord {}

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
pub trait Part: DataWord + Copy {}

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

/// A data set without one of its parts; written `Chammi.without(Cp)`.
#[derive(Clone, Copy, Debug)]
pub struct Without<D, X>(D, X);

impl Chammi {
    /// Leaves one part out.
    pub const fn without<X: Part>(self, part: X) -> Without<Self, X> {
        Without(self, part)
    }
}

/// Your own images, under the name to which `--data NAME=PATH` assigns a folder.
#[derive(Clone, Copy, Debug)]
pub struct Folder(pub &'static str);

impl Folder {
    /// Only these of its sets, in this order.
    pub fn only<const N: usize>(self, sets: [&str; N]) -> Only {
        Only(Selection { name: self.0.into(), sets: sets.map(String::from).to_vec() })
    }
}

/// Some sets of a folder; written `Folder("mini_real").only(["Yeast"])`.
#[derive(Clone, Debug)]
pub struct Only(Selection);

macro_rules! parts {
    ($($word:ident $folder:literal),*) => {$(
        impl Part for $word {}
        impl DataWord for $word {
            fn data(&self) -> Selection {
                Selection::chammi(&[$folder])
            }
        }
    )*};
}
parts!(Wtc "Allen", Hpa "HPA", Cp "CP");

impl DataWord for Chammi {
    fn data(&self) -> Selection {
        Selection::chammi(&Selection::CHAMMI_SETS)
    }
}

impl<D: DataWord, X: Part> DataWord for Without<D, X> {
    fn data(&self) -> Selection {
        let (Selection { name, sets }, left_out) = (self.0.data(), self.1.data().sets);
        Selection { name, sets: sets.into_iter().filter(|set| !left_out.contains(set)).collect() }
    }
}

impl DataWord for Folder {
    fn data(&self) -> Selection {
        Selection { name: self.0.into(), sets: vec![] }
    }
}

impl DataWord for Only {
    fn data(&self) -> Selection {
        self.0.clone()
    }
}

impl TrainingData for Chammi {}
impl<X: Part> TrainingData for Without<Chammi, X> {}
impl TrainingData for Folder {}
impl TrainingData for Only {}

/// All channels were trained on.
#[derive(Debug)]
pub enum Seen {}

/// Some channels were left out of training.
#[derive(Debug)]
pub enum Unseen {}

/// The channels are only known from the folder's description: the planner checks before anything runs.
#[derive(Debug)]
pub enum PlannerDecides {}

/// What training on `Self` means for the channels of `T`.
#[diagnostic::on_unimplemented(
    message = "nothing is known about the channels of `{T}` for a model trained on `{Self}`",
    label = "expected a data set, such as `Chammi`, `Wtc` or `Folder(\"mini_real\")`"
)]
pub trait Meets<T> {
    /// [`Seen`], [`Unseen`] or [`PlannerDecides`].
    type Exposure;
}

macro_rules! meets {
    ($($train:ty: $exposure:ident [$($test:ty),*];)*) => {
        $($(impl Meets<$test> for $train { type Exposure = $exposure; })*)*
    };
}
type NoWtc = Without<Chammi, Wtc>;
type NoHpa = Without<Chammi, Hpa>;
type NoCp = Without<Chammi, Cp>;
meets! {
    Chammi: Seen [Chammi, Wtc, Hpa, Cp, NoWtc, NoHpa, NoCp];
    NoWtc: Seen [Hpa, Cp, NoWtc];
    NoWtc: Unseen [Chammi, Wtc, NoHpa, NoCp];
    NoHpa: Seen [Wtc, Cp, NoHpa];
    NoHpa: Unseen [Chammi, Hpa, NoWtc, NoCp];
    NoCp: Seen [Wtc, Hpa, NoCp];
    NoCp: Unseen [Chammi, Cp, NoWtc, NoHpa];
    Chammi: PlannerDecides [Folder, Only];
    NoWtc: PlannerDecides [Folder, Only];
    NoHpa: PlannerDecides [Folder, Only];
    NoCp: PlannerDecides [Folder, Only];
}
impl<T: DataWord> Meets<T> for Folder {
    type Exposure = PlannerDecides;
}
impl<T: DataWord> Meets<T> for Only {
    type Exposure = PlannerDecides;
}
