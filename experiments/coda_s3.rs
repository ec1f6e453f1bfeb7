//! CODA, Table 2, first block: from source S3 to the five others.
//!
//! cargo run --release -- exp coda_s3
//!
//! Without JUMP on this machine: the small version on simulated microscopes, a few minutes on two cores, not comparable. With
//! `--data jump=PATH`: as published, 300 epochs a step, for a data-centre GPU.

use super::coda::*;
use dichroic::prelude::*;

const TARGETS: [OneSource; 5] = [S5, S8, S11, S7, S10];

/// Supervised, the dual model of DINO as it is and adapted to each target (ODA), that of pairs (CODA).
#[experiment]
fn coda_s3() -> impl Experiments {
    (
        TARGETS.map(|target| asked(supervised(S3), target).label("method", "Supervised")),
        TARGETS.map(|target| asked(dual(S3, views()), target).label("method", "Dual-model-DINO")),
        TARGETS.map(|target| asked(oda(S3, target), target).label("method", "ODA")),
        TARGETS.map(|target| asked(dual(S3, pairs()), target).label("method", "Dual-model-CB")),
        TARGETS.map(|target| asked(coda(S3, target), target).label("method", "CODA")),
    )
}
