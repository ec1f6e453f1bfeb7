//! The paper's Table 1: what each model costs, and its overall score under four conditions.

use super::super::{Shown, title};
use super::PAPER;
use crate::model::Costs;
use crate::papers::{
    Published,
    chammi::{CPS, Share, Start, Strategy, System},
};
use crate::report::Error;
use crate::report::measured::{self, Below, Measured, Source, World};
use crate::report::table::{Cell, Column, DIGITS, Kind, Row, Table, heads};
use crate::spec::Spec;
use std::collections::BTreeMap;

/// The conditions of the table as published; ChannelReplication's one score is in the first column.
const CONDITIONS: [(&str, &str); 4] = [
    ("trained", "trained"),
    ("fine-tuned", "fine_tuned"),
    ("+ TPS", "fine_tuned+tps"),
    ("+ TPS + 0.2 SSL", "fine_tuned+tps+0.2ssl"),
];

const PARAMETERS: &str = "n_params_millions";
const PASSES: &str = "c_inference_forward_passes";

fn condition(system: &System) -> Option<usize> {
    match (system.start, system.loss, system.warped) {
        _ if system.strategy != Strategy::Erm => None,
        (Start::OffTheShelf | Start::Scratch, Share::Supervised, false) => Some(0),
        (Start::Pretrained, Share::Supervised, false) => Some(1),
        (Start::Pretrained, Share::Supervised, true) => Some(2),
        (Start::Pretrained, Share::Fifth, true) => Some(3),
        _ => None,
    }
}

/// Builds it from the store.
pub(super) fn report(store: &Source<'_>) -> Result<Shown, Error> {
    let published = PAPER.table("table1").expect("the paper has this table");
    let measured = store.on(PAPER.data)?;
    let worlds = measured::by_world(&measured);
    let mut tables: Vec<Table> =
        worlds.iter().map(|(world, runs)| of_world(published, world, runs)).collect();
    tables.push(print(published, store)?);
    let title = title(published.title, &worlds);
    Ok(Shown { title, tables, ..Shown::default() })
}

fn columns() -> Vec<Column> {
    let costs = [("parameters (M)", PARAMETERS), ("passes per image", PASSES)];
    costs
        .into_iter()
        .chain(CONDITIONS)
        .map(|(head, name)| Column {
            digits: if name == PASSES { 1 } else { DIGITS },
            ..Column::of(head, name)
        })
        .collect()
}

/// A row for each model under each recipe. Costs are counted on the declared models' own parameters.
fn of_world(published: &Published, world: &World, runs: &[&Measured]) -> Table {
    type Conditions<'a> = BTreeMap<usize, Vec<&'a Measured>>;
    let mut models: BTreeMap<(usize, String), (Conditions<'_>, &Spec)> = BTreeMap::new();
    for one in runs {
        let Some(spec) = one.resolved() else { continue };
        let Some(system) = System::of(spec) else { continue };
        let Some(condition) = condition(&system) else { continue };
        let key = (system.place(), one.recipes().to_owned());
        let (conditions, _) = models.entry(key).or_insert((BTreeMap::new(), spec));
        conditions.entry(condition).or_default().push(one);
    }
    let rows = models.into_iter().map(|((place, recipes), (conditions, spec))| {
        let costs = Costs::on_chammi(spec);
        let mut cells =
            vec![Cell::print(Some(costs.parameters as f64 / 1e6)), Cell::print(Some(costs.passes))];
        cells.extend((0..CONDITIONS.len()).map(|condition| {
            let runs = conditions.get(&condition).map(Vec::as_slice).unwrap_or_default();
            Below(runs.iter().map(|one| &one.scores).collect())
                .cell(|scores| scores.value(published.metric, CPS.name))
        }));
        let stub = vec![System::model_at(place).into(), recipes];
        Row { stub, kind: Kind::Measured, cells, note: String::new() }
    });
    let mut notes = vec![
        "Overall score (CPS), mean ± sample standard deviation over seeds. Costs are those of the models that ran: \
         parameters including proxies, passes through the backbone per image (mean over the sets)."
            .into(),
    ];
    let reason = world.reason_against(&published.protocol);
    notes.extend(
        reason.map(|reason| format!("Published values are in a separate table, not comparable: {reason}.")),
    );
    let mut table = Table {
        title: world.words(),
        facts: vec![
            ("kind", world.kind.clone()),
            ("world", world.world.clone()),
            ("scale", world.scale.clone()),
        ],
        stub: heads(&["model", "recipe"]),
        columns: columns(),
        rows: rows.collect(),
        notes,
    };
    table.mark_best(2);
    table.mark_second();
    table
}

fn print(published: &Published, store: &Source<'_>) -> Result<Table, Error> {
    let mut rows: Vec<(String, BTreeMap<String, f64>)> = Vec::new();
    for number in store.published(PAPER.name, published.table)? {
        if rows.last().is_none_or(|(model, _)| *model != number.model) {
            rows.push((number.model.clone(), BTreeMap::new()));
        }
        let name = match (number.task.as_str(), number.condition.as_str()) {
            (task, "off_the_shelf") if task == CPS.name => "trained".to_owned(),
            (task, condition) if task == CPS.name => condition.to_owned(),
            _ if number.metric == "relative_change_percent_printed" => continue,
            _ => number.metric,
        };
        if let (Some((_, numbers)), Some(value)) = (rows.last_mut(), number.value) {
            numbers.insert(name, value);
        }
    }
    let rows = rows.into_iter().map(|(model, numbers)| Row {
        stub: vec![model],
        kind: Kind::Print,
        cells: columns().iter().map(|column| Cell::print(numbers.get(&column.name).copied())).collect(),
        note: String::new(),
    });
    Ok(Table {
        title: "Published".into(),
        facts: Vec::new(),
        stub: heads(&["model"]),
        columns: columns(),
        rows: rows.collect(),
        notes: vec![format!(
            "Source: {}; it reports ChannelReplication's score under \"trained\", and HyperNet's parameters for embeddings \
                 twice as wide as those of the released model.",
            published.source
        )],
    })
}
