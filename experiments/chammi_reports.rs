//! The CHAMMI paper's tables and figures next to the store's results: `dichroic report chammi`.

use dichroic::prelude::*;

/// Costs and overall scores of seven models.
#[report]
fn chammi_table1() -> Report {
    Report::published("chammi", "table1")
}

/// Off-the-shelf, trained from scratch, fine-tuned.
#[report]
fn chammi_table2() -> Report {
    Report::published("chammi", "table2")
}

/// Averaged weights and mutual information with an oracle.
#[report]
fn chammi_table3() -> Report {
    Report::published("chammi", "table3")
}

/// Warps and self-supervision.
#[report]
fn chammi_table4() -> Report {
    Report::published("chammi", "table4")
}

/// A radar of the six novel tasks.
#[report]
fn chammi_fig5() -> Report {
    Report::published("chammi", "figure5")
}

/// Averaged weights and mutual information on the six novel tasks.
#[report]
fn chammi_fig6a() -> Report {
    Report::published("chammi", "figure6a")
}

/// Channels that training never saw.
#[report]
fn chammi_fig6() -> Report {
    Report::published("chammi", "figure6")
}

/// Features in 2-D.
#[report]
fn chammi_fig9() -> Report {
    Report::published("chammi", "figure9")
}

/// F1 of every class.
#[report]
fn chammi_fig10() -> Report {
    Report::published("chammi", "figure10")
}

/// Which of the paper's directions hold.
#[report]
fn chammi_directions() -> Report {
    Report::published("chammi", "directions")
}
