//! The same ingredients as in `chammi_directions`, on real cells of three laboratories.
//!
//! cargo run --release -- exp real_directions --data mini_real=PATH
//!
//! One adapter, TargetParam, with the settings of `real_cells` but fewer epochs; FixedChannels is the same on
//! each set alone. MIRO is missing: it needs published weights, and there are none for this small backbone.
//! Seeds are the unit of every claim: there is only one world.

use dichroic::dsl::{Evaluated, NoLoss, TrainingData, size};
use dichroic::prelude::*;

/// Joint training, warps, self-supervision and averaging, one at a time.
#[experiment]
fn real_directions() -> impl Experiments {
    let proxy = ProxyNca::t(0.3);
    let plain = on_cells(TargetParam);
    let warped = plain.clone().augment(Crop.scale(0.6, 1.0) + Flip + Tps(0.5));
    (
        plain.clone().loss(proxy).label("system", "joint"),
        on_cells(FixedChannels).loss(proxy).label("system", "separate"),
        plain.clone().loss(SSL).label("system", "SSL"),
        plain.clone().loss(SSL.positives(Positives::RowPlusN)).label("system", "SSL, wrong pairs"),
        warped.clone().loss(proxy).label("system", "TPS"),
        warped.loss((0.2 * SSL + 0.8 * proxy).convex()).label("system", "TPS + 0.2 SSL"),
        plain.clone().loss(proxy).strategy(Swad { every: 20, ..Swad::default() }).label("system", "SWAD"),
        plain.loss(proxy).strategy(DenseSwa { start_epoch: 7 }).label("system", "dense averaging"),
    )
}

/// Everything except the loss.
fn on_cells<A: StemAdapter>(
    adapter: A,
) -> Run<Model<ConvNext<size::Mini>, Scratch, A>, impl TrainingData, NoLoss, Evaluated> {
    let cells = || Folder("mini_real").only(["Jurkat", "Yeast", "Pancreas"]);
    ConvNext::mini()
        .scratch()
        .adapter(adapter)
        .train_on(cells())
        .image(64)
        .augment(Crop.scale(0.6, 1.0) + Flip)
        .recipe(Recipe::Fixed)
        .lr(1e-3)
        .weight_decay(0.05)
        .epochs(20)
        .batch(16)
        .seeds([0, 1, 2])
        .evaluate(OneNn::cosine().on(cells()))
}
