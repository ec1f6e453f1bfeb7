//! Real cells of three laboratories and three instruments, with 3, 2 and 5 channels, under one model.
//!
//! cargo run --release -- exp real_cells --data mini_real=PATH
//!
//! FIGURES

use dichroic::prelude::*;

/// One channel-adaptive model for imaging flow cytometry, fluorescence and mass cytometry together.
#[experiment]
fn real_cells() -> impl Experiments {
    let cells = || Folder("mini_real").only(["Jurkat", "Yeast", "Pancreas"]);
    ConvNext::mini()
        .scratch()
        .adapter(HyperNet { z: 32, hidden: 64 })
        .train_on(cells())
        .image(64)
        .augment(Crop.scale(0.8, 1.0) + Flip + Turn)
        .sampling(Sampling::Balanced)
        .loss(ProxyNca::t(0.3))
        .recipe(Recipe::Fixed)
        .lr(1e-3)
        .weight_decay(0.05)
        .epochs(50)
        .batch(32)
        .symmetries()
        .beside(HandMade, 0.3)
        .beside(HandMade.standardised(), 0.3)
        .ensemble(5)
        .seeds([0])
        .evaluate(OneNn::cosine().on(cells()))
}

/// Confusion matrix on real cells.
#[report]
fn real_cells_confusion() -> Report {
    Report::confusion("real_cells")
}

/// Run time of each seed on real cells.
#[report]
fn real_cells_costs() -> Report {
    Report::query(
        "SELECT CAST(seed AS TEXT) AS seed, host, code, secs / 60 AS minutes, works
         FROM v_runs WHERE experiment = 'real_cells' AND status = 'done' ORDER BY v_runs.seed",
    )
}
