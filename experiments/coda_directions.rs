//! Which of CODA's directions hold on simulated microscopes, as evaluated by `report coda_directions`.
//!
//! cargo run --release -- exp coda_directions --data jump=WORLD
//!
//! Simulated worlds are the unit of every claim: make several with `dichroic data simulate jump --world N --out WORLD`, and the
//! controls with `--control same-microscope` and, for what learns from pairs, `--control permuted-treatments`. The rivals stand
//! beside: statistics of each plate, other microscopes as augmentation, entropy minimisation, the nearest class mean; so does a
//! model that was trained on the target.

use super::coda::*;
use dichroic::prelude::*;

/// From S3 to S8 and S11, two seeds.
#[experiment]
fn coda_directions() -> impl Experiments {
    [S8, S11].map(|target| {
        let both = [0, 1];
        let seen_others = supervised(S3).augment(Flips + Intensity + Microscope);
        let rate_0 = asked(oda(S3, target).rate(0.0), target);
        let rivals = asked(supervised(S3), target)
            .evaluate(Accuracy.tent().on(target))
            .evaluate(NearestMean.on(target))
            .evaluate(Accuracy.on(target.selection_plate()));
        let oracle = on_own_plate(supervised, target);
        (
            rivals.label("system", "Supervised").seeds(both),
            asked(seen_others, target).label("system", "Microscope").seeds(both),
            oracle.label("system", "Oracle").seeds(both),
            asked(dual(S3, views()), target).label("system", "Dual-model-DINO").seeds(both),
            asked(dual(S3, pairs()), target).label("system", "Dual-model-CB").seeds(both),
            asked(oda(S3, target), target).label("system", "ODA").seeds(both),
            asked(coda(S3, target), target).label("system", "CODA").seeds(both),
            rate_0.label("system", "ODA at rate 0").seeds(both),
        )
    })
}

/// Batch by batch, and plate by plate.
#[experiment]
fn coda_directions_parts() -> impl Experiments {
    [S8, S11].map(|target| {
        let dual = || dual(S3, views());
        let per_batch = dual().adapt(Oda::per(Batch), target).epochs(300).warmup(10);
        let per_plate = dual().adapt(Oda::per(Plate), target).epochs(300).warmup(10);
        (
            asked(per_batch, target).label("system", "ODA per batch").seeds([0, 1]),
            asked(per_plate, target).label("system", "ODA per plate").seeds([0, 1]),
        )
    })
}
