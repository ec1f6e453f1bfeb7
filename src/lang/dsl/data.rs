//! Data sets: what can be trained on, what can be evaluated, and which images of them.

use super::{DataSetWord, Less};
use crate::{
    role::Role,
    spec::{Condition, Selection},
};

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
    /// The data set that it is about: the word for all of it.
    type Of: DataSetWord;

    /// Which of its sets: a list of `Yes` and `No`, or `NotKnown`.
    type Sets;

    /// The same as plain data.
    fn data(&self) -> Selection;

    /// Only the images of which this column has one of these values: one plate, two batches. Said twice, both must hold.
    ///
    /// Training reads such images of the split `Train`. An evaluation asks for such images of its tasks, and all of
    /// `Train` answers.
    ///
    /// ```
    /// # extern crate dichroic_lang as dichroic;
    /// # use dichroic::prelude::*;
    /// # let model = ConvNext::atto().scratch().adapter(HyperNet { z: 8, hidden: 8 });
    /// let screen = Folder("my_screen");
    /// let run = model.train_on(screen.having(Role::Batch, ["B1", "B2"])).loss(PROXY);
    /// let _ = run.evaluate(OneNn::cosine().on(screen.having(Role::Batch, ["B3"]).having(Role::Control, ["False"])));
    /// ```
    fn having<V: Into<String>>(self, role: Role, values: impl IntoIterator<Item = V>) -> Having<Self> {
        let mut having = Having { data: self, only: vec![] };
        having.say(role, values.into_iter().map(Into::into).collect());
        having
    }
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

/// A data set without one of its parts; written `Chammi.without(Cp)`.
#[derive(Clone, Copy, Debug)]
pub struct Without<D, X>(D, X);

impl<D, X> Without<D, X> {
    pub(crate) const fn new(data: D, part: X) -> Self {
        Self(data, part)
    }
}

impl<D, X> DataWord for Without<D, X>
where
    D: DataWord<Sets: Less<X::Sets>>,
    X: DataWord<Of = D::Of>,
{
    type Of = D::Of;
    type Sets = <D::Sets as Less<X::Sets>>::Rest;

    fn data(&self) -> Selection {
        let (mut data, left_out) = (self.0.data(), self.1.data().sets);
        data.sets.retain(|set| !left_out.contains(set));
        data
    }
}

impl<D: TrainingData, X> TrainingData for Without<D, X> where Self: DataWord {}

/// Some images of a data set; written `Folder("my_screen").having(Role::Plate, ["P1"])`.
#[derive(Clone, Debug)]
pub struct Having<D> {
    data: D,
    only: Vec<Condition>,
}

impl<D> Having<D> {
    /// Only those of them of which this column too has one of these values.
    #[must_use]
    pub fn having<V: Into<String>>(mut self, role: Role, values: impl IntoIterator<Item = V>) -> Self {
        self.say(role, values.into_iter().map(Into::into).collect());
        self
    }

    fn say(&mut self, role: Role, values: Vec<String>) {
        self.only.push(Condition { role, values });
    }
}

impl<D: DataWord> DataWord for Having<D> {
    type Of = D::Of;
    type Sets = D::Sets;

    fn data(&self) -> Selection {
        let mut data = self.data.data();
        data.only.extend(self.only.iter().cloned());
        data
    }
}

impl<D: TrainingData> TrainingData for Having<D> {}
