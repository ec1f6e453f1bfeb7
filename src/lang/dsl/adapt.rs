//! Adaptation to unlabelled images of another microscope: `.adapt(Oda::per(Source), S5)`.

use super::{
    Answers, Classified, DataWord, HasStage, Model, Objective, OfClassifier, Run, Towards, WithoutLabels,
};
use crate::{
    role::Role,
    spec::{CentreStart, HeadWhileAdapting, KeptStep, StudentStart},
    word::plain,
};
use std::marker::PhantomData;
use toml::Table;

/// How much of the target one adapted model is for: `Source`, `Batch` or `Plate`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no part of a target that a model adapts to",
    label = "expected `Source`, `Batch` or `Plate`"
)]
pub trait Granularity {
    /// Each value of this role has a model of its own; none: one for all images.
    const PER: Option<Role>;
}

/// All images of the target have one adapted model.
#[derive(Clone, Copy, Debug)]
pub struct Source;

/// Each batch of the target has an adapted model of its own.
#[derive(Clone, Copy, Debug)]
pub struct Batch;

/// Each plate of the target has an adapted model of its own.
#[derive(Clone, Copy, Debug)]
pub struct Plate;

impl Granularity for Source {
    const PER: Option<Role> = None;
}

impl Granularity for Batch {
    const PER: Option<Role> = Some(Role::Batch);
}

impl Granularity for Plate {
    const PER: Option<Role> = Some(Role::Plate);
}

/// A part of the target that has several plates, so that there are pairs across them.
#[diagnostic::on_unimplemented(
    message = "a `{Self}` has no second plate to draw a partner from",
    label = "expected `Source` or `Batch`",
    note = "CODA compares images of one treatment on two plates; adapt to one plate with `Oda::per(Plate)`"
)]
pub trait SpansPlates: Granularity {}
impl SpansPlates for Source {}
impl SpansPlates for Batch {}

/// A part of the target that is less than all of it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is all of the target, and not one part among several",
    label = "expected `Batch` or `Plate`",
    note = "a model that adapts to all images is asked about all of them anyway: leave `.on_one()` out"
)]
pub trait OneOfSeveral: Granularity {}
impl OneOfSeveral for Batch {}
impl OneOfSeveral for Plate {}

/// Online domain adaptation (CODA, section 3): the model goes on with its own training on the target's images, one image at a
/// time.
#[derive(Clone, Copy, Debug)]
pub struct Oda<G = Source> {
    on_one: bool,
    per: PhantomData<G>,
}

/// Cross-plate online domain adaptation (CODA, section 3): the same with pairs of images of one treatment, across what the first
/// step paired (`.across(…)`); across plates if it did not.
///
/// It reads which images share a treatment, as the first step does: weak labels of the target.
#[derive(Clone, Copy, Debug)]
pub struct Coda<G = Source> {
    on_one: bool,
    per: PhantomData<G>,
}

impl<G: Granularity> Oda<G> {
    /// One adapted model for each of these.
    pub fn per(_: G) -> Self {
        Self { on_one: false, per: PhantomData }
    }
}

/// The ways to ask models of parts, for both adaptations.
macro_rules! asked {
    ($adaptation:ident) => {
        impl<G: OneOfSeveral> $adaptation<G> {
            /// Each model is asked about its own part, and the answers are scored together: "all plates", "all batches" in Figure 4.
            /// This is the default.
            #[must_use]
            pub fn on_all(self) -> Self {
                Self { on_one: false, ..self }
            }

            /// Each model is asked about all images of the target, and has scores of its own: what adapting to one part is worth
            /// for the rest, "single plate" and "single batch" in Figure 4. The adapted models are those of
            /// [`on_all`](Self::on_all).
            ///
            /// ```
            /// # extern crate dichroic_lang as dichroic;
            /// # use dichroic::prelude::*;
            #[doc = concat!("let _ = ", stringify!($adaptation), "::per(Batch).on_one();")]
            /// ```
            /// ```compile_fail
            /// # extern crate dichroic_lang as dichroic;
            /// # use dichroic::prelude::*;
            #[doc = concat!("let _ = ", stringify!($adaptation), "::per(Source).on_one();")]
            /// ```
            #[must_use]
            pub fn on_one(self) -> Self {
                Self { on_one: true, ..self }
            }
        }
    };
}
asked!(Oda);
asked!(Coda);

impl<G: SpansPlates> Coda<G> {
    /// One adapted model for each of these.
    ///
    /// ```
    /// # extern crate dichroic_lang as dichroic;
    /// # use dichroic::prelude::*;
    /// let _ = (Coda::per(Source), Coda::per(Batch), Oda::per(Plate));
    /// ```
    /// ```compile_fail
    /// # extern crate dichroic_lang as dichroic;
    /// # use dichroic::prelude::*;
    /// let _ = Coda::per(Plate);
    /// ```
    pub fn per(_: G) -> Self {
        Self { on_one: false, per: PhantomData }
    }
}

/// A way to adapt.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no way to adapt",
    label = "expected one, such as `Oda::per(Source)`"
)]
pub trait Adaptation {
    /// Each value of this role has a model of its own, and whether each is asked about all images.
    #[doc(hidden)]
    fn granularity(&self) -> (Option<Role>, bool);

    /// What it changes of a loss of the stage before.
    #[doc(hidden)]
    fn change(&self, loss: &mut Table);
}

/// The setting of a loss that says across what images are paired.
const ACROSS: &str = "across";
/// The loss that has it.
const PAIRS: &str = "dino_v1";

impl<G: Granularity> Adaptation for Oda<G> {
    fn granularity(&self) -> (Option<Role>, bool) {
        (G::PER, self.on_one)
    }

    fn change(&self, loss: &mut Table) {
        loss.remove(ACROSS);
    }
}

impl<G: Granularity> Adaptation for Coda<G> {
    fn granularity(&self) -> (Option<Role>, bool) {
        (G::PER, self.on_one)
    }

    fn change(&self, loss: &mut Table) {
        if loss["kind"].as_str() == Some(PAIRS) {
            loss.entry(ACROSS).or_insert_with(|| plain(&Role::Plate));
        }
    }
}

/// A training that can go on with other images: a stage without labels, or what has a classifier on top of one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot go on with images of a target",
    label = "an adaptation goes on with a stage without labels",
    note = "say `.loss(DinoV1::ema(0.996))`, and `.classify(Vit::small())` if there are labels to learn, before `.adapt(…)`"
)]
pub trait GoesOn {}
impl<O: HasStage + WithoutLabels> GoesOn for O {}
impl<O> GoesOn for Classified<O> {}

/// An objective with which a model has gone on with other images.
#[derive(Debug)]
pub struct Adapted<O>(PhantomData<O>);

impl<O: Objective> Objective for Adapted<O> {
    type Supervision = O::Supervision;

    fn terms(&self) -> Vec<(f64, Table)> {
        // Said already, of the model.
        vec![]
    }
}

impl<O> Towards for Adapted<O> {}
impl<O: Answers<OfClassifier>> Answers<OfClassifier> for Adapted<O> {}

impl<B, W, A, D, O, E> Run<Model<B, W, A>, D, O, E> {
    /// Goes on with the model's last stage on these images, whose labels are not read, and scores the adapted model: the
    /// third step of ODA and CODA. A classifier on top stays as it is. Later calls set values of this training.
    ///
    /// ```
    /// # extern crate dichroic_lang as dichroic;
    /// # use dichroic::prelude::*;
    /// # let run = Vit::mini().scratch().adapter(Planes(["dna", "er", "mito"])).train_on(S3);
    /// let dual = run.loss(DinoV1::ema(0.996)).classify(Vit::mini());
    /// let _ = dual.adapt(Oda::per(Source), S5).evaluate(Accuracy.on(S5));
    /// ```
    /// ```compile_fail
    /// # extern crate dichroic_lang as dichroic;
    /// # use dichroic::prelude::*;
    /// # let run = Vit::mini().scratch().adapter(Planes(["dna", "er", "mito"])).train_on(S3);
    /// let _ = run.loss(CrossEntropy).adapt(Oda::per(Source), S5);
    /// ```
    pub fn adapt<X: DataWord>(
        mut self,
        how: impl Adaptation,
        target: X,
    ) -> Run<Model<B, W, A>, D, Adapted<O>, E>
    where
        O: GoesOn,
    {
        self.draft.adapt(&target.data(), how.granularity());
        self.draft.change_losses(|loss| how.change(loss));
        self.retyped()
    }
}

impl<M, D, O, E> Run<M, D, Adapted<O>, E> {
    /// What the learning rates of the adaptation are multiplied by; at 0 nothing changes: a control.
    #[must_use]
    pub fn rate(mut self, rate: f64) -> Self {
        self.draft.say("adapt.rate", rate);
        self
    }

    /// Where the student of the adaptation starts.
    #[must_use]
    pub fn student(mut self, student: StudentStart) -> Self {
        self.draft.say("adapt.student", plain(&student));
        self
    }

    /// Where the centre of the teacher's outputs starts.
    #[must_use]
    pub fn centre(mut self, centre: CentreStart) -> Self {
        self.draft.say("adapt.centre", plain(&centre));
        self
    }

    /// What becomes of the projection head.
    #[must_use]
    pub fn head(mut self, head: HeadWhileAdapting) -> Self {
        self.draft.say("adapt.head", plain(&head));
        self
    }
}

impl<M, D, O, E> Run<M, D, Adapted<Classified<O>>, E> {
    /// The step of the adaptation whose model is kept, where that is not the last one.
    ///
    /// ```
    /// # extern crate dichroic_lang as dichroic;
    /// # use dichroic::prelude::*;
    /// # let run = Vit::mini().scratch().adapter(Planes(["dna", "er", "mito"])).train_on(S3);
    /// let dual = run.loss(DinoV1::ema(0.996)).classify(Vit::mini());
    /// let _ = dual.adapt(Oda::per(Source), S5).keep(LabelFreeStop).evaluate(Accuracy.on(S5));
    /// ```
    /// ```compile_fail
    /// # extern crate dichroic_lang as dichroic;
    /// # use dichroic::prelude::*;
    /// # let run = Vit::mini().scratch().adapter(Planes(["dna", "er", "mito"])).train_on(S3);
    /// let _ = run.loss(DinoV1::ema(0.996)).adapt(Oda::per(Source), S5).keep(LabelFreeStop);
    /// ```
    #[must_use]
    pub fn keep(mut self, step: KeptStep) -> Self {
        self.draft.say("adapt.keep", plain(&step));
        self
    }
}
