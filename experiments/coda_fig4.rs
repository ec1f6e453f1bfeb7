//! CODA, Figure 4: adapting to a whole source, to each of its batches, to each of its plates. A plate or a batch has a model of
//! its own, which is asked about its own images ("all"), or about the whole source ("single").
//!
//! cargo run --release -- exp 'coda_fig4*' --data jump=PATH
//!
//! The paper takes the same number of steps whatever the part, and does not say how many. Here an epoch is a pass over the images
//! that are adapted to, so that a plate has fewer steps than the source.

use super::coda::*;
use dichroic::{
    dsl::{Adapted, Classified},
    prelude::*,
};

/// Adapted to S11 or its parts, in batches of 64.
fn oda_in_64s(source: OneSource, parts: impl Adaptation) -> Of<Adapted<Classified<DinoV1>>> {
    dual(source, views()).adapt(parts, S11).epochs(300).warmup(10).batch(64)
}

/// From S3, S5 and S8 to S11, whose seven plates are in four batches.
#[experiment]
fn coda_fig4() -> impl Experiments {
    [S3, S5, S8].map(|source| {
        let oda = |per: &'static str, run: Of<_>| asked(run, S11).label("method", "ODA").label("per", per);
        (
            asked(supervised(source), S11).label("method", "Supervised"),
            asked(dual(source, views()), S11).label("method", "Dual-model-DINO"),
            oda("source", oda_in_64s(source, Oda::per(Source))),
            oda("batch", oda_in_64s(source, Oda::per(Batch))),
            oda("plate", oda_in_64s(source, Oda::per(Plate))),
        )
    })
}

/// The same models of single batches and single plates, each asked about all of S11.
#[experiment]
fn coda_fig4_single() -> impl Experiments {
    [S3, S5, S8].map(|source| {
        let batch = oda_in_64s(source, Oda::per(Batch).on_one()).evaluate(Accuracy.on(S11));
        let plate = oda_in_64s(source, Oda::per(Plate).on_one()).evaluate(Accuracy.on(S11));
        (
            batch.label("method", "ODA").label("per", "single batch"),
            plate.label("method", "ODA").label("per", "single plate"),
        )
    })
}
