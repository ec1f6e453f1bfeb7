//! Declarations for tests of crates that use the language.

use crate::{
    dsl::{Adapts, Evaluated, Frozen, NoLoss, Scored, Towards},
    prelude::*,
    spec::{Adapter, Spec},
};

/// The network of the CHAMMI paper with an adapter, trained on all of CHAMMI with objective `O`, and scored
/// on it.
pub type OnChammi<A, O> = Run<Model<ConvNext<size::Tiny>, ImageNet22k, A>, Chammi, O, Evaluated>;

/// Any adapter on CHAMMI, without a loss.
pub fn on_chammi<A: Adapts<ConvNext<size::Tiny>>>(adapter: A) -> OnChammi<A, NoLoss> {
    let model = ConvNext::tiny().pretrained(ImageNet22k).adapter(adapter);
    model.train_on(Chammi).evaluate(OneNn::cosine().on(Chammi))
}

/// HyperNet on CHAMMI, without a loss.
pub fn hyper_net() -> OnChammi<HyperNet, NoLoss> {
    on_chammi(HyperNet { z: 128, hidden: 256 })
}

/// The plain experiment of HyperNet on CHAMMI.
pub fn plain() -> OnChammi<HyperNet, ProxyNca> {
    hyper_net().loss(PROXY)
}

/// The published baseline on CHAMMI.
pub fn off_the_shelf() -> OnChammi<ChannelReplication, Frozen> {
    on_chammi(ChannelReplication).frozen()
}

/// The spec of a declaration under a recipe.
pub fn spec<M, D, O: Towards, E: Scored>(run: Run<M, D, O, E>, recipe: Recipe) -> Spec {
    run.recipe(recipe).specs().remove(0).spec
}

/// An adapter's settings under a recipe.
pub fn adapter<A: Adapts<ConvNext<size::Tiny>>>(adapter: A, recipe: Recipe) -> Adapter {
    spec(on_chammi(adapter).frozen(), recipe).model.adapter
}
