//! CHAMMI, Figure 6B: train on two data sets, test on the channels of the third, next to the off-the-shelf
//! backbone.
//!
//! cargo run --release -- exp chammi_fig6
//!
//! The paper states that only Depthwise was extended, by replicating filters, but not by which rule: ours
//! matches names, and otherwise uses filters in turn.

use super::chammi::*;
use dichroic::prelude::*;

/// How well a depthwise stem transfers to unseen channels.
#[experiment]
fn chammi_fig6() -> impl Experiments {
    RECIPES.map(|recipe| {
        let model = || pretrained().adapter(Depthwise { kernels: 64 }.replicating());
        let proxy = ProxyNca::t(0.07);
        let one_nn = OneNn::cosine();
        (
            model()
                .train_on(Chammi.without(Wtc))
                .loss(proxy)
                .lr(4e-4)
                .recipe(recipe)
                .evaluate(one_nn.on(Wtc)),
            model()
                .train_on(Chammi.without(Hpa))
                .loss(proxy)
                .lr(4e-4)
                .recipe(recipe)
                .evaluate(one_nn.on(Hpa)),
            model().train_on(Chammi.without(Cp)).loss(proxy).lr(4e-4).recipe(recipe).evaluate(one_nn.on(Cp)),
        )
    })
}
