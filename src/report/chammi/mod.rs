//! The tables of the CHAMMI paper and its appendix, and the figures that are made of scores.

mod comparable;
mod directions;
mod fig10;
mod fig5;
mod fig6;
mod fig9;
mod scores;
mod table1;

pub use comparable::Print;
pub(super) use comparable::reason_against;

use super::{
    Error,
    document::Shown,
    measured::{Measured, Source, World},
};
use crate::{dsl::Printed, store::PlacementRow};
use comparable::{Loss, Start, Strategy, System};
use serde_json::Value;
use std::collections::BTreeMap;

/// A spec that an experiment of this program declares, so that a hole can say what would fill it.
#[derive(Clone, Debug)]
pub struct Declaration {
    /// The experiment's name.
    pub experiment: String,
    /// Its resolved spec, as declared.
    pub spec: Value,
}

/// A title that says so if there are numbers and all are simulated.
fn title(text: &str, worlds: &BTreeMap<&World, Vec<&Measured>>) -> String {
    let simulated = !worlds.is_empty() && worlds.keys().all(|world| world.kind == "simulated");
    format!("{text}{}", if simulated { ", on *simulated* data" } else { "" })
}

/// A table of the paper with a row for each model under each condition.
pub(super) struct PaperTable {
    /// The printed numbers: `table4`.
    pub(super) table: &'static str,
    title: &'static str,
    source: &'static str,
    /// Whether the tasks of known images and classes are columns too.
    all_tasks: bool,
    /// The printed condition that a system stands under.
    condition: fn(&System) -> Option<&'static str>,
}

/// The tables of scores.
pub(super) const TABLES: [PaperTable; 3] = [
    PaperTable {
        table: "table2",
        title: "CHAMMI, appendix, Table 2: off the shelf, trained from scratch, fine-tuned",
        source: "appendix, Table 2",
        all_tasks: true,
        condition: |system| match system.start {
            _ if !system.is_plain() || system.strategy != Strategy::Erm => None,
            Start::OffTheShelf => Some("off_the_shelf"),
            Start::Scratch => Some("trained"),
            // The printed row of HyperNet mixes two runs; Tables 3 and 4 print the one that its averages belong to.
            Start::Pretrained if system.model == "HyperNet" => Some("fine_tuned_consistent"),
            Start::Pretrained => Some("fine_tuned"),
        },
    },
    PaperTable {
        table: "table3",
        title: "CHAMMI, appendix, Table 3: SWAD and MIRO",
        source: "appendix, Table 3",
        all_tasks: false,
        condition: |system| match system.strategy {
            _ if !system.is_plain() || system.start != Start::Pretrained => None,
            Strategy::Erm => Some("fine_tuned"),
            Strategy::Swad => Some("fine_tuned+SWAD"),
            Strategy::Miro => Some("fine_tuned+MIRO"),
        },
    },
    PaperTable {
        table: "table4",
        title: "CHAMMI, appendix, Table 4: thin-plate splines and self-supervision",
        source: "appendix, Table 4",
        all_tasks: false,
        condition: |system| match (system.loss, system.warped) {
            _ if system.start != Start::Pretrained || system.strategy != Strategy::Erm => None,
            (Loss::Supervised, false) => Some("baseline"),
            (Loss::Supervised, true) => Some("tps"),
            (Loss::SelfSupervised, false) => Some("ssl"),
            (Loss::SelfSupervised, true) => Some("tps+ssl"),
            (Loss::Fifth, true) => Some("tps+0.2ssl"),
            (Loss::Fifth, false) => None,
        },
    },
];

/// The models of Figures 5 and 10: off the shelf, and fine-tuned on the labels alone. Their numbers are those of Table 2.
const TUNED: PaperTable = PaperTable {
    table: "table2",
    title: "",
    source: "appendix, Table 2",
    all_tasks: false,
    condition: |system| (TABLES[0].condition)(system).filter(|_| system.start != Start::Scratch),
};

impl PaperTable {
    /// Whether a printed row is one that runs of ours can stand in.
    fn has(&self, print: &Print) -> bool {
        self.without_run(print).is_none() && (self.table != TUNED.table || print.condition != "trained")
    }

    /// Why no run of ours can stand in a printed row.
    fn without_run(&self, print: &Print) -> Option<&'static str> {
        let damaged = self.table == "table2" && print.model == "HyperNet" && print.condition == "fine_tuned";
        damaged.then_some("the printed row mixes two runs; the row below has the numbers of Tables 3 and 4")
    }
}

/// The printed rows in which the numbers of a resolved spec stand.
pub fn placements(spec: &Value) -> Vec<PlacementRow> {
    let against = comparable::recipe_against(spec).unwrap_or_default();
    let row = |table: &PaperTable| {
        let Print { model, condition } = comparable::print_of(spec, table)?;
        Some(PlacementRow {
            paper: "chammi".into(),
            tbl: table.table.into(),
            model,
            condition,
            protocol: "one_nn_cosine".into(),
            data: "chammi".into(),
            against: against.clone(),
        })
    };
    TABLES.iter().filter_map(row).collect()
}

/// The first printed row that a resolved spec stands in, with its table.
pub(super) fn any_print_of(spec: &Value) -> Option<(&'static PaperTable, Print)> {
    // Table 4 first: it is the one with the most conditions.
    TABLES.iter().rev().find_map(|table| Some((table, comparable::print_of(spec, table)?)))
}

/// Asks the store for one of them.
pub(super) fn report(what: Printed, store: &Source<'_>, declared: &[Declaration]) -> Result<Shown, Error> {
    match what {
        Printed::ChammiTable1 => table1::report(store),
        Printed::ChammiTable2 => scores::report(&TABLES[0], store, declared),
        Printed::ChammiTable3 => scores::report(&TABLES[1], store, declared),
        Printed::ChammiTable4 => scores::report(&TABLES[2], store, declared),
        Printed::ChammiFigure5 => fig5::report(store, declared),
        Printed::ChammiFigure6 => fig6::report(store, declared),
        Printed::ChammiFigure9 => fig9::report(store, declared),
        Printed::ChammiFigure10 => fig10::report(store, declared),
        Printed::ChammiDirections => directions::report(store),
    }
}
