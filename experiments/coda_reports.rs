//! CODA's tables and figures next to the store's results: `dichroic report coda`.

use dichroic::prelude::*;

/// Accuracy on other sources.
#[report]
fn coda_table2() -> Report {
    Report::published("coda", "table2")
}

/// Masked autoencoders and DINO.
#[report]
fn coda_table3() -> Report {
    Report::published("coda", "table3")
}

/// Macro-F1 on other sources.
#[report]
fn coda_table4() -> Report {
    Report::published("coda", "table4")
}

/// Test-time training.
#[report]
fn coda_table5() -> Report {
    Report::published("coda", "table5")
}

/// Adapting to a source, its batches, its plates.
#[report]
fn coda_fig4() -> Report {
    Report::published("coda", "figure4")
}

/// Features in 2-D, before and after adapting.
#[report]
fn coda_fig5() -> Report {
    Report::published("coda", "figure5")
}

/// Layers before and after adapting.
#[report]
fn coda_fig6() -> Report {
    Report::published("coda", "figure6")
}

/// Accuracy by target and method.
#[report]
fn coda_fig7() -> Report {
    Report::published("coda", "figure7")
}

/// Which of the paper's directions hold.
#[report]
fn coda_directions() -> Report {
    Report::published("coda", "directions")
}

/// The same directions with small networks that are trained for longer.
#[report]
fn coda_converged() -> Report {
    Report::published("coda", "converged")
}
