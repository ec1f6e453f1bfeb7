//! CHAMMI (Chen et al. 2023, arXiv 2310.19224, with its appendix) and the README of MorphEm, its evaluation package.

mod system;
mod tasks;

pub use system::{SETS, Share, Start, Strategy, System};

use super::{MACRO_F1, Paper, Placed, Published, Unfillable};
use crate::{
    data::chammi,
    spec::{Metric, Protocol, Spec, settings},
};

/// The protocol of all its tables.
pub const PROTOCOL: Protocol = Protocol::OneNn(settings::OneNn { metric: Metric::Cosine });

/// The paper.
pub static PAPER: Paper = Paper {
    name: "chammi",
    data: chammi::NAME,
    tasks: &tasks::TASKS,
    averages: &tasks::AVERAGES,
    tables: &TABLES,
    figures: &["figure5", "figure6", "figure6a", "figure9", "figure10", "directions"],
    conditions: &[
        ("tps", "TPS"),
        ("ssl", "SSL"),
        ("0.2ssl", "0.2 SSL"),
        ("fine_tuned", "fine-tuned"),
        ("fine_tuned_consistent", "fine-tuned, as in Tables 3 and 4"),
        ("off_the_shelf", "off the shelf"),
    ],
    model: |spec| System::of(spec).map(|system| system.model),
    rows,
};

/// Overall scores: the average that the paper calls CPS, `OOD_mean` or Overall.
pub const CPS: &super::Average = &tasks::AVERAGES[0];

static TABLES: [Published; 5] = [
    Published {
        table: "table1",
        csv: include_str!("chammi_table1.csv"),
        title: "CHAMMI, Table 1: costs and overall scores",
        source: "arXiv 2310.19224, Table 1",
        ..SCORES
    },
    Published {
        table: "table2",
        csv: include_str!("chammi_table2.csv"),
        title: "CHAMMI, appendix, Table 2: off the shelf, trained from scratch, fine-tuned",
        source: "arXiv 2310.19224, appendix, Table 2; one seed, no deviations published",
        unfillable: &[Unfillable {
            model: "HyperNet",
            condition: "fine_tuned",
            why: "the published row mixes two runs; the row below has the numbers of Tables 3 and 4",
        }],
        ..SCORES
    },
    Published {
        table: "table3",
        csv: include_str!("chammi_table3.csv"),
        title: "CHAMMI, appendix, Table 3: SWAD and MIRO",
        source: "arXiv 2310.19224, appendix, Table 3; one seed, no deviations published",
        ..SCORES
    },
    Published {
        table: "table4",
        csv: include_str!("chammi_table4.csv"),
        title: "CHAMMI, appendix, Table 4: thin-plate splines and self-supervision",
        source: "arXiv 2310.19224, appendix, Table 4; one seed, no deviations published",
        ..SCORES
    },
    Published {
        table: "morphem_readme",
        csv: include_str!("chammi_morphem_readme.csv"),
        title: "MorphEm, README: backbones off the shelf",
        source: "README of the MorphEm package; two decimals published",
        ..SCORES
    },
];

/// What all its tables share.
const SCORES: Published = Published {
    table: "",
    csv: "",
    metric: MACRO_F1,
    protocol: PROTOCOL,
    title: "",
    source: "",
    unfillable: &[],
};

fn rows(spec: &Spec) -> Vec<Placed> {
    let Some(system) = System::of(spec) else { return vec![] };
    let conditions = [("table2", table2(&system)), ("table3", table3(&system)), ("table4", table4(&system))];
    let against = system::against(spec);
    let row = |(table, condition): (&'static str, Option<&'static str>)| {
        Some(Placed { table, model: system.model, condition: condition?, against: against.clone() })
    };
    conditions.into_iter().filter_map(row).collect()
}

fn table2(system: &System) -> Option<&'static str> {
    match system.start {
        _ if !system.is_plain() || system.strategy != Strategy::Erm => None,
        Start::OffTheShelf => Some("off_the_shelf"),
        Start::Scratch => Some("trained"),
        // The published row of HyperNet mixes two runs; Tables 3 and 4 have the one that its averages belong
        // to.
        Start::Pretrained if system.model == "HyperNet" => Some("fine_tuned_consistent"),
        Start::Pretrained => Some("fine_tuned"),
    }
}

fn table3(system: &System) -> Option<&'static str> {
    match system.strategy {
        _ if !system.is_plain() || system.start != Start::Pretrained => None,
        Strategy::Erm => Some("fine_tuned"),
        Strategy::Swad => Some("fine_tuned+SWAD"),
        Strategy::Miro => Some("fine_tuned+MIRO"),
    }
}

fn table4(system: &System) -> Option<&'static str> {
    match (system.loss, system.warped) {
        _ if system.start != Start::Pretrained || system.strategy != Strategy::Erm => None,
        (Share::Supervised, false) => Some("baseline"),
        (Share::Supervised, true) => Some("tps"),
        (Share::SelfSupervised, false) => Some("ssl"),
        (Share::SelfSupervised, true) => Some("tps+ssl"),
        (Share::Fifth, true) => Some("tps+0.2ssl"),
        (Share::Fifth, false) => None,
    }
}

#[cfg(test)]
mod tests;
