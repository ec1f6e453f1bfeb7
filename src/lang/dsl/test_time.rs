//! What becomes of a model in front of each image: `.at_test_time(Ttt)`.

use super::{Answers, Classified, Model, Objective, OfClassifier, Run, Towards, Weighted};
use crate::{loss::said::Mae, word::With};
use std::marker::PhantomData;
use toml::Table;

/// A way to change a model in front of each image.
#[diagnostic::on_unimplemented(
    message = "`{Self}` changes no model in front of an image",
    label = "expected `Ttt`, or `Ttt.steps(5)`"
)]
pub trait AtTestTime {
    /// The same as plain data.
    #[doc(hidden)]
    fn way(self) -> Table;
}

/// A loss whose decoder draws patches of an image that were hidden.
#[diagnostic::on_unimplemented(
    message = "test-time training draws hidden patches of an image, and a model trained by `{Self}` has no decoder for that",
    label = "not after this loss",
    note = "train the model by `.loss(Mae::mask(0.75))` before `.classify(…)`"
)]
pub trait DrawsPatches {}
impl DrawsPatches for Mae {}
impl DrawsPatches for With<Mae> {}
impl<L: DrawsPatches> DrawsPatches for Weighted<L> {}

/// A model that can be trained on an image that it is asked about: one that draws patches, under a classifier.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no classifier that answers after training on an image",
    label = "test-time training changes the model under a classifier",
    note = "say `.loss(Mae::mask(0.75)).classify(Vit::small())` before `.at_test_time(…)`, and leave `.adapt(…)` out"
)]
pub trait LearnsOnEachImage {}
impl<O: DrawsPatches> LearnsOnEachImage for Classified<O> {}

/// An objective of a model that changes in front of each image.
#[derive(Debug)]
pub struct ChangedByEach<O>(PhantomData<O>);

impl<O: Objective> Objective for ChangedByEach<O> {
    type Supervision = O::Supervision;

    fn terms(&self) -> Vec<(f64, Table)> {
        // Said already, of the model.
        vec![]
    }
}

impl<O> Towards for ChangedByEach<O> {}
impl<O: Answers<OfClassifier>> Answers<OfClassifier> for ChangedByEach<O> {}

impl<B, W, A, D, O, E> Run<Model<B, W, A>, D, O, E> {
    /// Trains the model on each image that it is asked about, by itself, before the classifier answers; for the next image it
    /// is as before. Embedding an image then takes as long as training on it: steps × copies passes.
    ///
    /// ```
    /// # extern crate dichroic_lang as dichroic;
    /// # use dichroic::prelude::*;
    /// # let run = Vit::mini().scratch().adapter(Planes(["dna", "er", "mito"])).train_on(S3);
    /// let dual = run.loss(Mae::mask(0.75)).classify(Vit::mini());
    /// let _ = dual.at_test_time(Ttt.steps(5)).evaluate(Accuracy.on(S5));
    /// ```
    /// ```compile_fail
    /// # extern crate dichroic_lang as dichroic;
    /// # use dichroic::prelude::*;
    /// # let run = Vit::mini().scratch().adapter(Planes(["dna", "er", "mito"])).train_on(S3);
    /// let dual = run.loss(DinoV1::ema(0.996)).classify(Vit::mini());
    /// let _ = dual.at_test_time(Ttt);
    /// ```
    pub fn at_test_time(mut self, way: impl AtTestTime) -> Run<Model<B, W, A>, D, ChangedByEach<O>, E>
    where
        O: LearnsOnEachImage,
    {
        self.draft.say("embedding.test_time", way.way());
        self.retyped()
    }
}
