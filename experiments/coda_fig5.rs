//! CODA, Figures 5 and 6: what the network under the classifier says of images, before and after it adapts.
//!
//! cargo run --release -- exp coda_fig5 coda_fig6 --data jump=PATH
//!
//! `.inspect(…)` keeps what the figures need: features of every image for the maps of Figure 5, and how alike images are in each
//! layer for the alignment of Figure 6. The models are those of `coda_s3`, so that nothing is trained twice.

use super::coda::*;
use dichroic::prelude::*;

/// Figure 5: maps of features on the source, on the target, and adapted to the target.
#[experiment]
fn coda_fig5() -> impl Experiments {
    (
        asked(dual(S3, views()).inspect(S3).inspect(S5), S5).label("method", "Dual-model-DINO"),
        asked(oda(S3, S5).inspect(S5), S5).label("method", "ODA"),
        asked(dual(S3, pairs()).inspect(S3).inspect(S5), S5).label("method", "Dual-model-CB"),
        asked(coda(S3, S5).inspect(S5), S5).label("method", "CODA"),
    )
}

/// Figure 6: layers of CODA before and after its adaptation, and of a model that was trained on the target.
#[experiment]
fn coda_fig6() -> impl Experiments {
    let target = dual(S5, pairs()).inspect(S5).evaluate(Accuracy.on(S5.selection_plate()));
    (
        asked(dual(S3, pairs()).inspect(S3).inspect(S5), S5).label("method", "Dual-model-CB"),
        asked(coda(S3, S5).inspect(S5), S5).label("method", "CODA"),
        target.label("method", "Dual-model-CB"),
    )
}
