//! CODA (Haslum et al., WACV 2024): models that adapt themselves to another laboratory's microscope, on JUMP TARGET2.

mod system;

pub use system::{System, is_of_figure_4};

use super::{ACCURACY, MACRO_F1, Paper, Placed, Published, Task};
use crate::{
    data::jump,
    spec::{Protocol, Spec, settings},
};

/// The protocol of all its tables: the trained classifier's answer for each image.
pub const PROTOCOL: Protocol =
    Protocol::Accuracy(settings::Accuracy { tent: false, standardised: None, pooled: None });

/// The paper.
pub static PAPER: Paper = Paper {
    name: "coda",
    data: jump::NAME,
    tasks: &TASKS,
    averages: &[],
    tables: &TABLES,
    figures: &["figure4", "figure5", "figure6", "figure7", "directions", "converged"],
    conditions: &[],
    model: |spec| System::of(spec).map(|system| system.method),
    rows,
};

const fn task(name: &'static str, source: &'static str) -> Task {
    Task { name, paper: source, short: source, novel: true }
}

/// One task in each source, in the order of its tables.
const TASKS: [Task; 6] = [
    task("source_3/MoA", "S3"),
    task("source_5/MoA", "S5"),
    task("source_8/MoA", "S8"),
    task("source_11/MoA", "S11"),
    task("source_7/MoA", "S7"),
    task("source_10/MoA", "S10"),
];

static TABLES: [Published; 4] = [
    Published {
        table: "table2",
        csv: include_str!("coda_table2.csv"),
        metric: ACCURACY,
        title: "CODA, Table 2: accuracy on other sources",
        source: "CODA (WACV 2024), Table 2; how many repetitions are behind a mean is not published",
        ..ALL
    },
    Published {
        table: "table3",
        csv: include_str!("coda_table3.csv"),
        metric: ACCURACY,
        title: "CODA, Table 3: masked autoencoders and DINO",
        source: "CODA (WACV 2024), Table 3; two of its cells are other numbers in Table 5",
        ..ALL
    },
    Published {
        table: "table4",
        csv: include_str!("coda_table4.csv"),
        metric: MACRO_F1,
        title: "CODA, Table 4: macro-F1 on other sources",
        source: "CODA (WACV 2024), Table 4",
        ..ALL
    },
    Published {
        table: "table5",
        csv: include_str!("coda_table5.csv"),
        metric: ACCURACY,
        title: "CODA, Table 5: test-time training",
        source: "CODA (WACV 2024), Table 5; two of its cells are other numbers in Table 3",
        ..ALL
    },
];

/// What all its tables share.
const ALL: Published = Published {
    table: "",
    csv: "",
    metric: ACCURACY,
    protocol: PROTOCOL,
    title: "",
    source: "",
    unfillable: &[],
};

fn rows(spec: &Spec) -> Vec<Placed> {
    let Some(System { method, source }) = System::of(spec) else { return vec![] };
    let tables: &[&'static str] = match method {
        "Dual-model-MAE" => &["table3", "table5"],
        "ODA-MAE" => &["table3"],
        "TTT" => &["table2", "table4", "table5"],
        "ODA" | "Dual-model-DINO" if source == "S3" => &["table2", "table3", "table4"],
        _ => &["table2", "table4"],
    };
    let against = system::against(spec);
    let row =
        |table: &&'static str| Placed { table, model: method, condition: source, against: against.clone() };
    tables.iter().map(row).collect()
}
