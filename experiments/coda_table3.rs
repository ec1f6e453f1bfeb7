//! CODA, Table 3: masked autoencoders in the place of DINO, from source S3 to the two targets that nothing was trained on.
//!
//! cargo run --release -- exp coda_table3 --data jump=PATH
//!
//! The settings of the paper's masked autoencoders are not published; these are MAE's, with the schedule of DINO.

use super::coda::*;
use dichroic::prelude::*;

/// The dual model of a masked autoencoder as it is, and adapted; that of DINO, and ODA.
#[experiment]
fn coda_table3() -> impl Experiments {
    [S7, S10].map(|target| {
        (
            asked(dual(S3, masks()), target).label("method", "Dual-model-MAE").seeds(SEEDS),
            asked(oda_mae(S3, target), target).label("method", "ODA-MAE").seeds(SEEDS),
            asked(dual(S3, views()), target).label("method", "Dual-model-DINO").seeds(SEEDS),
            asked(oda(S3, target), target).label("method", "ODA").seeds(SEEDS),
        )
    })
}
