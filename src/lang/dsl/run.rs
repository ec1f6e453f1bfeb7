//! The declaration of an experiment: model, data, loss, strategy, evaluation.

use super::{
    Adapts, AnsweredBy, Backbone, DataWord, Evaluation, Frozen, HasStage, LossNotSaid, Meets, NoLoss, ReadBy,
    StartsWith, Strategy, TrainingData, Trains,
};
use crate::{draft::Draft, spec::recipe::Recipe, word::plain};
use std::marker::PhantomData;

/// A backbone `B` with weights `W` and adapter `A`. The next method is `.train_on(…)`.
pub struct Model<B, W, A> {
    draft: Draft,
    types: PhantomData<(B, W, A)>,
}

impl<B: Backbone, W: StartsWith, A: Adapts<B>> Model<B, W, A> {
    pub(super) fn new(backbone: B, weights: W, adapter: A) -> Self {
        let draft = Draft::new(backbone.backbone(), &weights.weights(), adapter.adapter());
        Self { draft, types: PhantomData }
    }
}

impl<B, W, A> Model<B, W, A> {
    /// Sets the training data: the split `Train` of each set.
    pub fn train_on<D: TrainingData>(mut self, data: D) -> Run<Self, D, NoLoss> {
        self.draft.say("train.data", plain(&data.data()));
        Run {
            draft: self.draft,
            seeds: vec![0],
            labels: vec![],
            recipe: Recipe::default(),
            convex: vec![],
            types: PhantomData,
        }
    }
}

impl<B, W, A> Clone for Model<B, W, A> {
    fn clone(&self) -> Self {
        Self { draft: self.draft.clone(), types: PhantomData }
    }
}

/// An incomplete experiment. The type parameters record what was chosen: the model, the data, the objective,
/// and whether it is scored. A function of an experiment file that returns one writes `Run<Model<…>, Chammi,
/// NoLoss>`.
pub struct Run<M, D, O, E = NotEvaluated> {
    pub(super) draft: Draft,
    pub(super) seeds: Vec<u64>,
    pub(super) labels: Vec<(String, String)>,
    pub(super) recipe: Recipe,
    pub(super) convex: Vec<bool>,
    types: PhantomData<(M, D, O, E)>,
}

/// No `.evaluate(…)` yet.
#[derive(Clone, Copy, Debug)]
pub struct NotEvaluated;

/// At least one `.evaluate(…)`.
#[derive(Clone, Copy, Debug)]
pub struct Evaluated;

/// Whether an experiment is scored.
#[diagnostic::on_unimplemented(
    message = "this is not yet an experiment: nothing is scored",
    label = "an experiment has at least one `.evaluate(...)`, such as `.evaluate(OneNn::cosine().on(Chammi))`"
)]
pub trait Scored {}
impl Scored for Evaluated {}

impl<B, W, A, D, O, E> Run<Model<B, W, A>, D, O, E> {
    /// Sets the loss.
    pub fn loss<N: Trains<B, A>>(mut self, loss: N) -> Run<Model<B, W, A>, D, N, E>
    where
        O: LossNotSaid,
    {
        self.draft.objective(loss.terms());
        self.convex.push(loss.is_convex());
        self.retyped()
    }

    /// Adds a stage that continues from the weights of the previous one, with another loss. Later calls set values of
    /// this stage only: rates, epochs, augmentation, strategy, and the images ([`Run::on`]).
    ///
    /// ```
    /// # extern crate dichroic_lang as dichroic;
    /// # use dichroic::prelude::*;
    /// # let model = ConvNext::tiny().scratch().adapter(HyperNet { z: 128, hidden: 256 });
    /// let _ = model.train_on(Chammi).loss(SSL).epochs(10).then(PROXY).lr(1e-4).epochs(5);
    /// ```
    pub fn then<N: Trains<B, A>>(mut self, loss: N) -> Run<Model<B, W, A>, D, N, E>
    where
        O: HasStage,
    {
        self.draft.then();
        self.draft.objective(loss.terms());
        self.convex.push(loss.is_convex());
        self.retyped()
    }

    /// Trains this stage on some of the images that the model is trained on.
    ///
    /// ```
    /// # extern crate dichroic_lang as dichroic;
    /// # use dichroic::prelude::*;
    /// # let model = ConvNext::tiny().scratch().adapter(HyperNet { z: 128, hidden: 256 });
    /// let _ = model.train_on(Chammi).loss(SSL).then(PROXY).on(Wtc);
    /// ```
    #[must_use]
    pub fn on<X: DataWord>(mut self, data: X) -> Self
    where
        O: HasStage,
    {
        self.draft.say("train.on", plain(&data.data()));
        self
    }

    /// Trains nothing: the model is scored with its initial weights, random or published.
    pub fn frozen(self) -> Run<Model<B, W, A>, D, Frozen, E>
    where
        O: LossNotSaid,
    {
        self.retyped()
    }

    /// Sets a strategy for unseen domains. It depends on the loss, so it comes after `.loss(…)`.
    pub fn strategy(mut self, strategy: impl Strategy<W, O>) -> Self {
        self.draft.say("train.strategy", strategy.strategy());
        self
    }

    /// Scores the model. May be called more than once; the first evaluation is the experiment's result.
    pub fn evaluate<V: Evaluation>(mut self, evaluation: V) -> Run<Model<B, W, A>, D, O, Evaluated>
    where
        D: Meets<V::Data, Exposure: ReadBy<A>>,
        V::Asks: AnsweredBy<O>,
    {
        self.draft.evaluate(evaluation.protocol(), &evaluation.data());
        self.retyped()
    }

    pub(super) fn retyped<O2, E2>(self) -> Run<Model<B, W, A>, D, O2, E2> {
        let Self { draft, seeds, labels, recipe, convex, types: _ } = self;
        Run { draft, seeds, labels, recipe, convex, types: PhantomData }
    }
}

impl<M, D, O, E> Clone for Run<M, D, O, E> {
    fn clone(&self) -> Self {
        Self {
            draft: self.draft.clone(),
            seeds: self.seeds.clone(),
            labels: self.labels.clone(),
            recipe: self.recipe,
            convex: self.convex.clone(),
            types: PhantomData,
        }
    }
}
