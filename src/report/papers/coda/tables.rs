//! CODA's tables: a row for each method and source, a column for each target, whichever runs the numbers come from. Ways to
//! answer that need no adaptation have rows of their own.

use super::super::{
    Shown,
    scores::{Printed, printed},
};
use super::place::{NOTHING, Place, once, places, title};
use crate::papers::{
    Published, Task,
    coda::{PAPER, PROTOCOL, System, is_of_figure_4},
};
use crate::report::{
    Error,
    measured::{Measured, Source, floor_words, floors_note},
    table::{Cell, Column, Kind, Row, Table, heads},
};
use crate::spec::{Features, Protocol};
use std::collections::BTreeMap;

/// The column of the mean over targets that are not the source.
const OTHERS: &str = "others";
/// The part of a source that it is asked about itself.
pub(super) const OWN_PLATE: &str = "plate_split=selection";

/// A row: place of the method, place of the source, protocol, recipes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    method: usize,
    source: usize,
    protocol: String,
    recipes: String,
}

/// The runs behind a row.
struct Found<'m> {
    system: System,
    runs: Vec<&'m Measured>,
}

/// One of its tables: measured in each place, or a hole; and as published.
pub(super) struct Built {
    pub(super) measured: Vec<(Option<Place>, Table)>,
    pub(super) published: Table,
}

/// Builds one of its tables.
pub(super) fn report(name: &str, store: &Source<'_>) -> Result<Shown, Error> {
    let Built { measured, published } = built(name, store)?;
    let places: Vec<&Place> = measured.iter().filter_map(|(place, _)| place.as_ref()).collect();
    let title = title(PAPER.table(name).expect("the paper has this table").title, &places);
    let tables = measured.into_iter().map(|(_, table)| table).chain([published]);
    Ok(Shown { title, tables: tables.collect(), ..Shown::default() })
}

/// The same before it is a report.
pub(super) fn built(name: &str, store: &Source<'_>) -> Result<Built, Error> {
    let table = PAPER.table(name).expect("the paper has this table");
    let published = printed(&PAPER, table, store)?;
    let measured = store.on_all_parts(PAPER.data)?;
    let mut tables: Vec<(Option<Place>, Table)> = places(&measured)
        .into_iter()
        .map(|(place, runs)| (Some(place.clone()), of_place(table, &published, Some(&place), &runs)))
        .collect();
    if tables.is_empty() {
        tables.push((None, of_place(table, &published, None, &[])));
    }
    Ok(Built { measured: tables, published: in_print(table, &published) })
}

fn columns() -> Vec<Column> {
    let tasks = PAPER.tasks.iter().map(|task| Column::of(task.paper, task.name));
    tasks.chain([Column::of(OTHERS, OTHERS)]).collect()
}

/// The methods of a table in its order.
fn methods(published: &Printed) -> Vec<&str> {
    let mut methods: Vec<&str> = vec![];
    for (row, _) in published {
        if !methods.contains(&row.model.as_str()) {
            methods.push(&row.model);
        }
    }
    methods
}

fn of_place(table: &Published, published: &Printed, place: Option<&Place>, runs: &[&Measured]) -> Table {
    let methods = methods(published);
    let mut rows: BTreeMap<Key, Found<'_>> = BTreeMap::new();
    let mut others = 0;
    for one in runs {
        let system = one.resolved().filter(|spec| !is_of_figure_4(spec)).and_then(System::of);
        let known = system.and_then(|system| {
            let method = methods.iter().position(|method| *method == system.method)?;
            Some((system, method, PAPER.tasks.iter().position(|task| task.paper == system.source)?))
        });
        let Some((system, method, source)) = known else {
            others += 1;
            continue;
        };
        let (protocol, recipes) = (one.world.protocol.clone(), one.recipes().to_owned());
        let key = Key { method, source, protocol, recipes };
        rows.entry(key).or_insert(Found { system, runs: vec![] }).runs.push(one);
    }
    let real = place.is_some_and(Place::is_comparable);
    let mut all: Vec<Row> = rows.iter().map(|(key, found)| row(table, published, key, found, real)).collect();
    all.extend(floors(table, runs));
    let mut notes = vec![format!(
        "{}, mean ± sample standard deviation over seeds; the source's own column is its selection plate, which was not trained \
         on. {}",
        table.metric.capitalised(),
        floors_note(&all)
    )];
    notes.push(
        "Rows that are standardised or pooled need no adaptation: features of each plate on the source's scale, one vote for all \
         images of a well. An adaptation is worth its time where it is above them."
            .into(),
    );
    if others > 0 {
        notes.push(format!("{others} more scores on these data are of systems that are not in this table."));
    }
    if all.is_empty() {
        notes.insert(0, "Nothing is measured yet: `dichroic exp coda_s3`.".into());
    }
    let mut shown = Table {
        title: place.map_or(NOTHING.into(), Place::words),
        facts: Place::facts(place),
        stub: heads(&["method", "source", "answered by", "recipe"]),
        columns: columns(),
        rows: all,
        notes,
    };
    shown.mark_best(0);
    shown.mark_second();
    shown
}

/// The set that a source is.
fn set_of(source: &str) -> &'static str {
    PAPER.tasks.iter().find(|task| task.paper == source).map_or("", Task::set)
}

fn row(table: &Published, published: &Printed, key: &Key, found: &Found<'_>, real: bool) -> Row {
    let System { method, source } = found.system;
    let own = format!("{}/", set_of(source));
    let value = |one: &&Measured, task: &str| {
        // Of its own source a system is asked on the plate that it did not train on.
        let part = if task.starts_with(&own) { OWN_PLATE } else { "" };
        (one.world.part == part).then(|| one.scores.value(table.metric, task)).flatten()
    };
    let printed = published.iter().find(|(row, _)| row.model == method && row.condition == source);
    let comparable = real && key.protocol == PROTOCOL.name();
    let mut cells: Vec<Cell> = Vec::new();
    let mut outside: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
    for task in PAPER.tasks {
        let of_task = once(found.runs.iter().filter_map(|one| Some((one.seed, value(one, task.name)?))));
        let values: Vec<f64> = of_task.iter().map(|(_, value)| *value).collect();
        let paper = printed.and_then(|(_, numbers)| numbers.get(task.name).copied());
        cells.push(Cell { paper: paper.filter(|_| comparable), ..Cell::of(&values) });
        if !task.name.starts_with(&own) {
            of_task.iter().for_each(|(seed, value)| outside.entry(*seed).or_default().push(*value));
        }
    }
    // A mean over some of the targets would be another number.
    let complete = outside.into_values().filter(|values| values.len() == PAPER.tasks.len() - 1);
    let means: Vec<f64> = complete.map(|values| values.iter().sum::<f64>() / values.len() as f64).collect();
    cells.push(Cell::of(&means));
    let stub = vec![method.into(), source.into(), Protocol::title_of(&key.protocol), key.recipes.clone()];
    Row { stub, kind: Kind::Measured, cells, note: String::new() }
}

/// The floors of the published protocol, by target.
fn floors(table: &Published, runs: &[&Measured]) -> Vec<Row> {
    let mut rows = Vec::new();
    for floor in Features::FLOORS {
        let cell = |task: &str| {
            let asked =
                runs.iter().filter(|one| one.world.protocol == PROTOCOL.name() && one.world.part.is_empty());
            let scores = asked.filter_map(|one| one.floors.get(floor.name()));
            let mut values: Vec<f64> = scores.filter_map(|scores| scores.value(table.metric, task)).collect();
            values.sort_by(f64::total_cmp);
            values.dedup();
            Cell::of(&values)
        };
        let mut cells: Vec<Cell> = PAPER.tasks.iter().map(|task| cell(task.name)).collect();
        if cells.iter().all(|cell| cell.value.is_none()) {
            continue;
        }
        cells.push(Cell::default());
        let stub = vec![floor_words(floor).into(), String::new(), String::new(), String::new()];
        rows.push(Row { stub, kind: Kind::Floor, cells, note: String::new() });
    }
    rows
}

fn in_print(table: &Published, published: &Printed) -> Table {
    let row = |(row, numbers): &(super::super::PaperRow, BTreeMap<String, f64>)| {
        let own = set_of(&row.condition);
        let outside: Vec<f64> = PAPER
            .tasks
            .iter()
            .filter(|task| task.set() != own)
            .filter_map(|task| numbers.get(task.name).copied())
            .collect();
        let mean = (outside.len() == PAPER.tasks.len() - 1)
            .then(|| outside.iter().sum::<f64>() / outside.len() as f64);
        let cells = PAPER.tasks.iter().map(|task| numbers.get(task.name).copied()).chain([mean]);
        Row {
            stub: vec![row.model.clone(), row.condition.clone()],
            kind: Kind::Print,
            cells: cells.map(Cell::print).collect(),
            note: String::new(),
        }
    };
    Table {
        title: "Published (comparable only where a difference is shown)".into(),
        stub: heads(&["method", "source"]),
        columns: columns(),
        rows: published.iter().map(row).collect(),
        notes: vec![
            format!("Source: {}.", table.source),
            "The gains in the paper's text, 174.8 % for ODA and 232.6 % for CODA, are mean ratios to Supervised over the 20 pairs \
             of Table 2: accuracy rises by 74.8 % and 132.6 % of itself. A constant guess has 5.2 %; some cells are below it. Its \
             own column was measured on the plate that selected checkpoints."
                .into(),
        ],
        ..Table::default()
    }
}
