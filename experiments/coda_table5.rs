//! CODA, Table 5: test-time training beside its masked autoencoder as it is, from four sources to the other targets.
//!
//! cargo run --release -- exp coda_table5_s3 --data jump=PATH
//!
//! Its settings are not published but for five steps and flips, by default, in the authors' code: these are those of TTT-MAE. An
//! image takes as long as training on 640 or 2,560 of them: `--dry` says what that is.

use super::coda::*;
use dichroic::prelude::*;

/// From source S3.
#[experiment]
fn coda_table5_s3() -> impl Experiments {
    from(S3)
}

/// From source S5.
#[experiment]
fn coda_table5_s5() -> impl Experiments {
    from(S5)
}

/// From source S8.
#[experiment]
fn coda_table5_s8() -> impl Experiments {
    from(S8)
}

/// From source S11.
#[experiment]
fn coda_table5_s11() -> impl Experiments {
    from(S11)
}

/// Of both recipes, which take 5 and 20 steps on an image.
fn from(source: OneSource) -> impl Experiments {
    RECIPES.map(|recipe| {
        let targets = SOURCES.into_iter().filter(|target| *target != source);
        let each = targets.map(|target| {
            let without = asked(dual(source, masks()), target).label("method", "Dual-model-MAE");
            let with = asked(ttt(source), target).label("method", "TTT");
            (without.recipe(recipe).seeds(SEEDS), with.recipe(recipe).seeds(SEEDS))
        });
        each.collect::<Vec<_>>()
    })
}
