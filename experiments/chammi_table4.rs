//! CHAMMI appendix, Table 4: six adapters under five training conditions, each under two recipes.
//!
//! cargo run --release -- exp chammi_table4
//!
//! SSL is always at 0.07; how often the authors warped was never published.

use super::chammi::*;
use dichroic::prelude::*;

/// Which of thin-plate splines and self-supervision help which adapter.
#[experiment]
fn chammi_table4() -> impl Experiments {
    (
        conditions(fixed_channels(pretrained())),
        conditions(depthwise(pretrained())),
        conditions(slice_param(pretrained())),
        conditions(target_param(pretrained())),
        conditions(template_mixing(pretrained())),
        conditions(hypernet(pretrained())),
    )
}

/// The five rows of an adapter.
fn conditions<A: StemAdapter>(tuned: Tuned<ImageNet22k, A>) -> impl Experiments {
    let Tuned { run, proxy } = tuned;
    RECIPES.map(|recipe| {
        let plain = run.clone().augment(Crop + Flip).recipe(recipe).evaluate(OneNn::cosine().on(Chammi));
        let warped = plain.clone().augment(Crop + Flip + Tps(0.5));
        (
            plain.clone().loss(proxy),
            plain.loss(SSL),
            warped.clone().loss(proxy),
            warped.clone().loss(SSL),
            warped.loss((0.2 * SSL + 0.8 * proxy).convex()),
        )
    })
}
