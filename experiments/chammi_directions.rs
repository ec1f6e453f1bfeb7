//! The effect of each of CHAMMI's ingredients on one model, as evaluated by `report chammi_directions`.
//!
//! cargo run --release -- exp chammi_directions --data chammi=WORLD
//!
//! One adapter, TargetParam, with its authors' settings, under `Recipe::Fixed`; only what is named differs.
//! FixedChannels with the same rate and loss is TargetParam trained on each set alone. Simulated worlds are
//! the unit of every claim: make several with `dichroic data simulate chammi --world N --out WORLD`, and the
//! controls with `--control`. A control only needs its own contrasts: `chammi_directions_joint`, `_views` and
//! `_warps`.

use super::chammi::*;
use dichroic::prelude::*;

/// Joint training, warps, self-supervision, averaging and MIRO, one at a time.
#[experiment]
fn chammi_directions() -> impl Experiments {
    let Tuned { run, proxy } = target_param(pretrained());
    let plain = run.recipe(Recipe::Fixed).evaluate(OneNn::cosine().on(Chammi));
    let warped = plain.clone().augment(Crop + Flip + Tps(0.5));
    let plain = plain.loss(proxy);
    (
        joint(),
        separate(),
        views(),
        warps(),
        warped.loss((0.2 * SSL + 0.8 * proxy).convex()).label("system", "TPS + 0.2 SSL"),
        plain.clone().strategy(Swad::default()).label("system", "SWAD"),
        plain.clone().strategy(DenseSwa { start_epoch: 5 }).label("system", "dense averaging"),
        plain.strategy(Miro { lambda: 0.01 }).label("system", "MIRO"),
    )
}

/// One model for all sets, and one per set: with the control `unshared`.
#[experiment]
fn chammi_directions_joint() -> impl Experiments {
    (joint(), separate())
}

/// Supervised, and with two views of an image: with the control `no-nuisance`.
#[experiment]
fn chammi_directions_views() -> impl Experiments {
    (joint(), views())
}

/// Without warps and with them: with the control `elongation`.
#[experiment]
fn chammi_directions_warps() -> impl Experiments {
    (joint(), warps())
}

/// The baseline of all others.
fn joint() -> impl Experiments {
    let Tuned { run, proxy } = target_param(pretrained());
    run.loss(proxy).recipe(Recipe::Fixed).label("system", "joint").evaluate(OneNn::cosine().on(Chammi))
}

fn separate() -> impl Experiments {
    let Tuned { proxy, .. } = target_param(pretrained());
    let run = pretrained().adapter(FixedChannels).train_on(Chammi).loss(proxy).lr(2e-4).seeds([505_429]);
    run.recipe(Recipe::Fixed).label("system", "separate").evaluate(OneNn::cosine().on(Chammi))
}

fn views() -> impl Experiments {
    let Tuned { run, .. } = target_param(pretrained());
    let run = run.recipe(Recipe::Fixed).evaluate(OneNn::cosine().on(Chammi));
    (
        run.clone().loss(SSL).label("system", "SSL"),
        run.loss(SSL.positives(Positives::RowPlusN)).label("system", "SSL, wrong pairs"),
    )
}

fn warps() -> impl Experiments {
    let Tuned { run, proxy } = target_param(pretrained());
    let run = run.loss(proxy).augment(Crop + Flip + Tps(0.5)).recipe(Recipe::Fixed);
    run.label("system", "TPS").evaluate(OneNn::cosine().on(Chammi))
}
