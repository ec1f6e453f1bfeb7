//! Messages for methods that are called too early.
//!
//! These methods exist only for their messages: their bounds never hold, and editors do not offer them.

use super::{Backbone, Evaluation, Frozen, Model, NeedsAdapter, NoLoss, Run};

macro_rules! missing {
    ($($name:ident: $message:literal, $label:literal;)*) => {$(
        #[doc = concat!("Never holds; reports: ", $message, ".")]
        #[diagnostic::on_unimplemented(message = $message, label = $label)]
        pub trait $name {
            /// Cannot be called.
            #[doc(hidden)]
            fn never(&self) -> !;
        }
    )*};
}
missing! {
    HasWeights: "the initial weights of `{Self}` are not set",
        "say `.scratch()` or `.pretrained(ImageNet22k)` before this";
    HasAdapter: "this model has no channel adapter",
        "say `.adapter(...)` before this, such as `.adapter(HyperNet {{ z: 128, hidden: 256 }})`";
    HasData: "this model has no training data",
        "say `.train_on(...)` before this, such as `.train_on(Chammi)`";
}

impl<B: Backbone, W> NeedsAdapter<B, W> {
    #[doc(hidden)]
    pub fn train_on<D>(self, _: D) -> Run<Model<B, W, ()>, D, NoLoss>
    where
        Self: HasAdapter,
    {
        self.never()
    }
}

impl<B, W, A> Model<B, W, A> {
    #[doc(hidden)]
    pub fn loss<N>(self, _: N) -> Run<Self, (), N>
    where
        Self: HasData,
    {
        self.never()
    }

    #[doc(hidden)]
    pub fn frozen(self) -> Run<Self, (), Frozen>
    where
        Self: HasData,
    {
        self.never()
    }

    #[doc(hidden)]
    pub fn evaluate<V: Evaluation>(self, _: V) -> Run<Self, V::Data, NoLoss>
    where
        Self: HasData,
    {
        self.never()
    }
}
