//! CODA, Figure 4: adapting to a whole source, to each of its batches, to each of its plates. A plate or a batch has a model of
//! its own, which is asked about its own images ("all"), or about the whole source ("single").
//!
//! cargo run --release -- exp 'coda_fig4*' --data jump=PATH
//!
//! The paper takes the same number of steps whatever the part, and does not say how many. Here an epoch is a pass over the images
//! that are adapted to, so that a plate has fewer steps than the source.

use super::coda::*;
use dichroic::prelude::*;

/// From S3, S5 and S8 to S11, whose seven plates are in four batches.
#[experiment]
fn coda_fig4() -> impl Experiments {
    [S3, S5, S8].map(|source| {
        let dual = || dual(source, views()).batch(64);
        (
            asked(supervised(source), S11).label("method", "Supervised"),
            asked(dual(), S11).label("method", "Dual-model-DINO"),
            asked(dual().adapt(Oda::per(Source), S11), S11).label("method", "ODA").label("per", "source"),
            asked(dual().adapt(Oda::per(Batch), S11), S11).label("method", "ODA").label("per", "batch"),
            asked(dual().adapt(Oda::per(Plate), S11), S11).label("method", "ODA").label("per", "plate"),
        )
    })
}

/// The same models of single batches and single plates, each asked about all of S11.
#[experiment]
fn coda_fig4_single() -> impl Experiments {
    [S3, S5, S8].map(|source| {
        let dual = || dual(source, views()).batch(64);
        let batch = dual().adapt(Oda::per(Batch).on_one(), S11).evaluate(Accuracy.on(S11));
        let plate = dual().adapt(Oda::per(Plate).on_one(), S11).evaluate(Accuracy.on(S11));
        (
            batch.label("method", "ODA").label("per", "single batch"),
            plate.label("method", "ODA").label("per", "single plate"),
        )
    })
}
