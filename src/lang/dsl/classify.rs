//! A classifier on top of a model that was trained without labels: CODA's dual model.

use super::{
    Answers, Backbone, HasStage, Model, NoLabels, Objective, OfClassifier, Run, Towards, Transformer,
};
use std::marker::PhantomData;
use toml::Table;

/// An objective that reads no labels.
///
/// ```
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// # let run = Vit::mini().scratch().adapter(TargetParam).train_on(Chammi);
/// let _ = run.loss(SSL).classify(Vit::mini());
/// ```
/// ```compile_fail
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// # let run = Vit::mini().scratch().adapter(TargetParam).train_on(Chammi);
/// let _ = run.loss(PROXY).classify(Vit::mini());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` reads labels: this is for a model that was trained without",
    label = "not after a loss that reads labels",
    note = "train the model by itself first, as in `.loss(DinoV1::ema(0.996))`; a model that was trained with labels has its classifier already: say `.loss(CrossEntropy)` and `.evaluate(Accuracy.on(…))`"
)]
pub trait WithoutLabels {}
impl<O: Objective<Supervision = NoLabels>> WithoutLabels for O {}

impl<B: Transformer, W, A, D, O, E> Run<Model<B, W, A>, D, O, E> {
    /// Freezes the model and trains a transformer on all of its tokens to name the class of each training image: the second
    /// step of CODA. It starts from the weights that the model started from. Later calls set values of this training, which is
    /// else like the stage before.
    pub fn classify<C: Transformer>(mut self, classifier: C) -> Run<Model<B, W, A>, D, Classified<O>, E>
    where
        O: HasStage + WithoutLabels,
    {
        self.draft.classify(Backbone::backbone(classifier));
        self.retyped()
    }
}

/// An objective of a model with a classifier on top, which can be asked.
#[derive(Debug)]
pub struct Classified<O>(PhantomData<O>);

impl<O: Objective> Objective for Classified<O> {
    type Supervision = O::Supervision;

    fn terms(&self) -> Vec<(f64, Table)> {
        // Said already, of the model.
        vec![]
    }
}

impl<O> Towards for Classified<O> {}
impl<O> Answers<OfClassifier> for Classified<O> {}
