//! The paper's Figure 7: accuracy by source and target, a bar for each method. The numbers are those of Table 2.

use super::{
    place::{Place, colour, drawn_with, recipes, title},
    tables::{Built, built},
};
use crate::{
    papers::coda::{PAPER, PROTOCOL},
    report::{
        Error, Table,
        bars::{Axis, Bar, Group, Panel, draw},
        measured::Source,
        papers::Shown,
        table::{Cell, Kind, Row},
    },
    spec::Protocol,
};
use std::collections::BTreeMap;

/// The table with its numbers.
const TABLE: &str = "table2";

/// Builds it from the store.
pub(super) fn report(store: &Source<'_>) -> Result<Shown, Error> {
    let Built { mut measured, mut published } = built(TABLE, store)?;
    let plain = Protocol::title_of(&PROTOCOL.name());
    for (_, table) in &mut measured {
        table.rows.retain(|row| row.kind != Kind::Measured || row.stub[2] == plain);
        table.notes.retain(|note| !note.starts_with("Rows that are standardised"));
        // Among the rows that are left.
        table.rows.iter_mut().flat_map(|row| &mut row.cells).for_each(|cell| cell.mark = None);
        table.mark_best(0);
        table.mark_second();
    }
    deviations(store, &mut published)?;
    let places: Vec<&Place> = measured.iter().filter_map(|(place, _)| place.as_ref()).collect();
    let comparable = places.iter().any(|place| place.is_comparable());
    let mut panels: Vec<(String, String, Vec<&Row>)> = Vec::new();
    for (place, table) in &measured {
        let Some(place) = place else { continue };
        for (source, recipe, rows) in by_source(table) {
            panels.push((source.clone(), format!("from {source}: {}", place.above(&recipe)), rows));
        }
    }
    let title = title("CODA, Figure 7: accuracy by target and method", &places);
    let figure = (!panels.is_empty()).then(|| {
        let drawn: Vec<String> = panels.iter().map(|(source, ..)| source.clone()).collect();
        let apart = if comparable { "published" } else { "published, not comparable" };
        let of_print = by_source(&published).into_iter().filter(|(source, ..)| drawn.contains(source));
        panels.extend(of_print.map(|(source, _, rows)| {
            let heading = format!("from {source}: {apart}");
            (source, heading, rows)
        }));
        // The published panel of a source below what is measured from it.
        panels.sort_by_key(|(source, ..)| PAPER.tasks.iter().position(|task| task.paper == source));
        let rows = || panels.iter().flat_map(|(.., rows)| rows);
        let mut methods: Vec<&str> = Vec::new();
        for row in published.rows.iter().chain(rows().copied()) {
            let shown = rows().any(|drawn| drawn.stub[0] == row.stub[0]);
            if shown && !methods.contains(&row.stub[0].as_str()) {
                methods.push(&row.stub[0]);
            }
        }
        let highest = |cell: &Cell| Some(cell.value? + cell.std.unwrap_or(0.0));
        let axis = Axis::for_values("accuracy", rows().flat_map(|row| &row.cells).filter_map(highest));
        let series: Vec<_> = methods.iter().map(|method| ((*method).to_owned(), colour(method))).collect();
        let panels: Vec<Panel> =
            panels.iter().map(|(_, heading, rows)| panel(heading, rows, &methods)).collect();
        draw(&panels, &series, axis)
    });
    let caption = "Accuracy on each target, mean over seeds with sample standard deviation where there are several; the source's \
                   own bar is its plate that is not trained on";
    let tables: Vec<Table> = measured.into_iter().map(|(_, table)| table).chain([published]).collect();
    Ok(Shown { title, tables, caption: caption.into(), figure, points: None })
}

/// The rows of each source and recipe.
fn by_source(table: &Table) -> Vec<(String, String, Vec<&Row>)> {
    let recipe = |row: &&Row| row.stub.get(3).map_or("", String::as_str).to_owned();
    let mut sources: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in table.rows.iter().filter(|row| row.kind != Kind::Floor) {
        sources.entry(&row.stub[1]).or_default().push(row);
    }
    let mut found = Vec::new();
    for (source, rows) in sources {
        let own: Vec<String> = rows.iter().map(recipe).collect();
        let all = recipes(own.iter().map(String::as_str));
        for drawn in &all {
            let rows = rows.iter().copied().filter(|row| drawn_with(&recipe(row), drawn, &all)).collect();
            found.push((source.to_owned(), (*drawn).to_owned(), rows));
        }
    }
    found
}

/// The targets of a source, with a bar for each method.
fn panel(heading: &str, rows: &[&Row], methods: &[&str]) -> Panel {
    let groups = PAPER.tasks.iter().enumerate().map(|(at, task)| {
        let bar = |method: &&str| {
            let cell = &rows.iter().find(|row| row.stub[0] == *method)?.cells[at];
            let label = |value: f64| format!("{value:.2}").trim_start_matches('0').to_owned();
            cell.value.map(|value| Bar { value, std: cell.std, label: label(value) })
        };
        Group { name: task.paper.into(), of: "target".into(), bars: methods.iter().map(bar).collect() }
    });
    Panel { heading: heading.into(), groups: groups.collect() }
}

/// Adds the published deviations, which are in the notes of the published numbers: `± 0.004`.
fn deviations(store: &Source<'_>, published: &mut Table) -> Result<(), Error> {
    for number in store.published(PAPER.name, TABLE)? {
        let std = number.note.strip_prefix("± ").and_then(|std| std.parse().ok());
        let row = published
            .rows
            .iter_mut()
            .find(|row| row.stub[..2] == [&number.model, &number.condition].map(String::clone));
        let at = PAPER.tasks.iter().position(|task| task.name == number.task);
        if let (Some(row), Some(at)) = (row, at) {
            row.cells[at].std = std;
        }
    }
    Ok(())
}
