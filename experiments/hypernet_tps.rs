//! CHAMMI appendix, Table 4: HyperNet, row "TPS + 0.2 SSL".
//!
//! cargo run --release -- exp hypernet_tps
//!
//! Without CHAMMI on this machine: the small version on simulated cells, 65 s on two cores, not comparable.
//! With `--data chammi=PATH`: 15 epochs of 100,145 images at 224 px. The paper reports 0.632 overall.

use dichroic::prelude::*;

/// A hypernetwork generates the stem; thin-plate splines, 0.2 self-supervised loss.
#[experiment]
fn hypernet_tps() -> impl Experiments {
    ConvNext::tiny()
        .pretrained(ImageNet22k)
        .adapter(HyperNet { z: 128, hidden: 256 })
        .train_on(Chammi)
        .augment(Crop + Flip + Tps(0.5)) // how often the authors warped was never published
        .loss((0.2 * SimClr::t(0.07) + 0.8 * ProxyNca::t(0.07)).convex())
        .recipe(Recipe::Fixed)
        .lr(4e-4)
        .epochs(15)
        .seeds([125_617])
        .evaluate(OneNn::cosine().on(Chammi))
}

/// The training loss of HyperNet, step by step.
#[report]
fn hypernet_tps_curves() -> Report {
    Report::curves("hypernet_tps", "loss")
}
