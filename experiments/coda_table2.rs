//! CODA, Tables 2 and 4: four sources, six targets, without and with adaptation, under the released recipe and the repaired one.
//!
//! cargo run --release -- exp coda_table2_s8 --data jump=PATH
//!
//! Three seeds, as how many are behind the paper's deviations is not published. TTT trains on every image by itself, 640 times
//! (5 steps on 128 copies) under the released recipe and 2,560 times under the repaired one: `--dry` says what that takes.

use super::coda::*;
use dichroic::prelude::*;

/// From source S3.
#[experiment]
fn coda_table2_s3() -> impl Experiments {
    from(S3)
}

/// From source S5.
#[experiment]
fn coda_table2_s5() -> impl Experiments {
    from(S5)
}

/// From source S8.
#[experiment]
fn coda_table2_s8() -> impl Experiments {
    from(S8)
}

/// From source S11.
#[experiment]
fn coda_table2_s11() -> impl Experiments {
    from(S11)
}

/// Every method of the tables.
fn from(source: OneSource) -> impl Experiments {
    (
        RECIPES.map(|recipe| without_and_with_adaptation(source, recipe)),
        RECIPES.map(|recipe| on_each_image(source, recipe)),
    )
}

/// The targets of a source.
fn targets(source: OneSource) -> impl Iterator<Item = OneSource> {
    SOURCES.into_iter().filter(move |target| *target != source)
}

/// TTT, of each target.
fn on_each_image(source: OneSource, recipe: Recipe) -> impl Experiments {
    let of = |target| asked(ttt(source), target).label("method", "TTT").recipe(recipe).seeds(SEEDS);
    targets(source).map(of).collect::<Vec<_>>()
}

/// Systems without adaptation are asked about every target, and about the plate of their own source that they did not train on.
fn without_and_with_adaptation(source: OneSource, recipe: Recipe) -> impl Experiments {
    let alone = (
        on_own_plate(supervised, source).label("method", "Supervised").recipe(recipe).seeds(SEEDS),
        on_own_plate(|source| dual(source, views()), source)
            .label("method", "Dual-model-DINO")
            .recipe(recipe)
            .seeds(SEEDS),
        on_own_plate(|source| dual(source, pairs()), source)
            .label("method", "Dual-model-CB")
            .recipe(recipe)
            .seeds(SEEDS),
    );
    let each = targets(source).map(|target| {
        (
            asked(supervised(source), target).label("method", "Supervised").recipe(recipe).seeds(SEEDS),
            asked(dual(source, views()), target)
                .label("method", "Dual-model-DINO")
                .recipe(recipe)
                .seeds(SEEDS),
            asked(oda(source, target), target).label("method", "ODA").recipe(recipe).seeds(SEEDS),
            asked(dual(source, pairs()), target).label("method", "Dual-model-CB").recipe(recipe).seeds(SEEDS),
            asked(coda(source, target), target).label("method", "CODA").recipe(recipe).seeds(SEEDS),
        )
    });
    (alone, each.collect::<Vec<_>>())
}
