//! What a model has seen of an evaluation's channels, worked out by the compiler.
//!
//! Words of one data set say which of its sets they mean, and the compiler compares the two lists. About two different
//! data sets it knows nothing: the planner reads their channels. Nothing here is about a particular data set, and adding
//! one adds no line.

use super::DataWord;
use std::marker::PhantomData;

/// All channels were trained on.
#[derive(Debug)]
pub enum Seen {}

/// Some channels were left out of training.
#[derive(Debug)]
pub enum Unseen {}

/// The compiler does not know the channels: the planner checks before anything runs.
#[derive(Debug)]
pub enum PlannerDecides {}

/// A data set, as the compiler knows it: by its place in the list of `data`.
pub trait DataSetWord {
    /// [`Zero`] for folders of one's own, whatever their names.
    type Place;
}

/// A place: none in the list.
#[derive(Debug)]
pub enum Zero {}

/// The place after `N`.
#[derive(Debug)]
pub struct Next<N>(PhantomData<N>);

/// A set is meant, or: it is.
#[derive(Debug)]
pub enum Yes {}

/// A set is not meant, or: it is not.
#[derive(Debug)]
pub enum No {}

/// Which sets are meant is not known to the compiler. Those of a known data set are a list in its order:
/// `(Yes, (No, ()))`.
#[derive(Debug)]
pub enum NotKnown {}

/// What training on `Self` means for the channels of `T`.
pub trait Meets<T> {
    /// [`Seen`], [`Unseen`] or [`PlannerDecides`].
    type Exposure;
}
impl<D: DataWord, T: DataWord> Meets<T> for D
where
    PlaceOf<D>: Is<PlaceOf<T>>,
    SameSet<D, T>: Decides<D::Sets, T::Sets>,
{
    type Exposure = <SameSet<D, T> as Decides<D::Sets, T::Sets>>::Exposure;
}

type PlaceOf<D> = <<D as DataWord>::Of as DataSetWord>::Place;
type SameSet<D, T> = <PlaceOf<D> as Is<PlaceOf<T>>>::Answer;

/// Whether two places are one: both are counted down until one of them is [`Zero`].
pub trait Is<N> {
    /// [`Yes`] or [`No`].
    type Answer;
}
impl Is<Zero> for Zero {
    type Answer = Yes;
}
impl<N> Is<Zero> for Next<N> {
    type Answer = No;
}
impl<N> Is<Next<N>> for Zero {
    type Answer = No;
}
impl<M: Is<N>, N> Is<Next<N>> for Next<M> {
    type Answer = M::Answer;
}

/// Who decides about sets `D` that are trained on and sets `T` that are read; `Self` says whether they are of one
/// data set.
pub trait Decides<D, T> {
    /// As in [`Meets`].
    type Exposure;
}
impl<D, T> Decides<D, T> for No {
    type Exposure = PlannerDecides;
}
impl<D: Covers<T>, T> Decides<D, T> for Yes {
    type Exposure = D::Exposure;
}

/// Sets that are trained on, beside the sets `T` that are read.
pub trait Covers<T> {
    /// As in [`Meets`].
    type Exposure;
}
impl Covers<NotKnown> for NotKnown {
    type Exposure = PlannerDecides;
}
impl Covers<()> for () {
    type Exposure = Seen;
}
impl<D, Ds, T, Ts> Covers<(T, Ts)> for (D, Ds)
where
    D: Covers<T, Exposure: And<Ds::Exposure>>,
    Ds: Covers<Ts>,
{
    type Exposure = <D::Exposure as And<Ds::Exposure>>::Both;
}
impl Covers<No> for No {
    type Exposure = Seen;
}
impl Covers<Yes> for No {
    type Exposure = Unseen;
}
impl<T> Covers<T> for Yes {
    type Exposure = Seen;
}

/// Two exposures together.
pub trait And<R> {
    /// [`Seen`] if both are.
    type Both;
}
impl<R> And<R> for Seen {
    type Both = R;
}
impl<R> And<R> for Unseen {
    type Both = Self;
}

/// Sets that are left when the sets `X` are left out.
pub trait Less<X> {
    /// The list of them.
    type Rest;
}
impl Less<()> for () {
    type Rest = ();
}
impl<D: Less<X>, Ds: Less<Xs>, X, Xs> Less<(X, Xs)> for (D, Ds) {
    type Rest = (D::Rest, Ds::Rest);
}
impl Less<No> for Yes {
    type Rest = Self;
}
impl Less<Yes> for Yes {
    type Rest = No;
}
impl<X> Less<X> for No {
    type Rest = Self;
}
