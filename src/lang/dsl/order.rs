//! What the compiler says when a word comes too early.
//!
//! The methods here exist for their messages alone: their bounds never hold, and editors do not offer them.

use super::{Backbone, Evaluation, Frozen, Model, NeedsAdapter, NoLoss, Run};

macro_rules! missing {
    ($($name:ident: $message:literal, $label:literal;)*) => {$(
        #[doc = concat!("Never holds; says: ", $message, ".")]
        #[diagnostic::on_unimplemented(message = $message, label = $label)]
        pub trait $name {
            /// Nobody can call it.
            #[doc(hidden)]
            fn never(&self) -> !;
        }
    )*};
}
missing! {
    HasWeights: "nothing says where the weights of `{Self}` start",
        "say `.scratch()` or `.pretrained(ImageNet22k)` before this";
    HasAdapter: "nothing says how channels come into this model",
        "say `.adapter(...)` before this, such as `.adapter(HyperNet {{ z: 128, hidden: 256 }})`";
    HasData: "nothing says what this model is trained on",
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
