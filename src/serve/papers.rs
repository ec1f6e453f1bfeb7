//! The published tables, row by row: published values, measured values next to them, and the command that
//! fills a hole.

use super::{
    ask::Ask,
    page::{self, Found, View},
    url::{Params, href},
};
use crate::{
    papers::{self, PAPERS, Paper, Published},
    report::{Cell, Column, Kind, Row as Line, Table},
    store::{Error, PlacementRow, Row},
};
use maud::html;
use std::collections::BTreeMap;

/// Which experiment fills a published row with comparable numbers, by paper, table, model and condition.
pub(super) struct Fills(BTreeMap<[String; 4], String>);

impl Fills {
    /// From everything that the program declares, with the rows that it reproduces.
    pub(super) fn of(placed: impl Iterator<Item = (String, PlacementRow)>) -> Self {
        let mut fills = BTreeMap::new();
        for (experiment, row) in placed.filter(|(_, row)| row.against.is_empty()) {
            fills.entry([row.paper, row.tbl, row.model, row.condition]).or_insert(experiment);
        }
        Self(fills)
    }

    fn command(&self, row: [&str; 4]) -> String {
        match self.0.get(&row.map(String::from)) {
            Some(experiment) => {
                let data = papers::named(row[0]).map_or(row[0], |paper| paper.data);
                format!("`dichroic exp {experiment} --data {data}=PATH`")
            }
            None => "declared by no experiment".into(),
        }
    }
}

/// One line per number and system, in the published order.
const NUMBERS: &str = "SELECT model, condition, task, published, flag, experiment, spec, kind, world, scale, measured, std, n, difference, verdict
    FROM v_paper WHERE paper = ?1 AND tbl = ?2 ORDER BY place";

/// The page for `?paper=chammi_table4`.
pub(super) fn view(ask: &Ask<'_>, params: &Params, fills: &Fills) -> Result<Found, Error> {
    let of_paper = |paper: &'static Paper| {
        paper.tables.iter().map(move |table| (format!("{}_{}", paper.name, table.table), paper, table))
    };
    let mut names: Vec<(String, &Paper, &Published)> = PAPERS.into_iter().flat_map(of_paper).collect();
    names.sort_by(|(one, ..), (other, ..)| one.cmp(other));
    // Table 4 has the most rows with experiments.
    let asked = params
        .get("paper")
        .or_else(|| names.iter().map(|(name, ..)| name.as_str()).find(|name| name.ends_with("table4")));
    let Some((name, paper, published)) =
        names.iter().find(|(name, ..)| asked.is_none_or(|asked| asked == name))
    else {
        let asked = asked.unwrap_or_default();
        return Ok(Found::Absent(format!("No paper here has a table called {asked}.")));
    };
    let numbers = ask.rows(NUMBERS, &[paper.name.into(), published.table.into()])?;
    let table = of_print(numbers.iter(), paper, published, fills);
    let measured = table.rows.iter().filter(|row| row.kind == Kind::Measured).count();
    let compared = table.rows.iter().flat_map(|row| &row.cells).filter(|cell| cell.paper.is_some()).count();
    let body = html! {
        div.head { h1 { "Published and measured" } (page::as_data("/papers", params, "numbers")) }
        div.tabs {
            @for (other, ..) in &names {
                a href=(href("/papers", [("paper", other.as_str())])) aria-current=[(other == name).then_some("page")] { (other) }
            }
        }
        p.mute {
            (published.metric.capitalised()) ". Grey rows are published values; the rows below them were measured. "
            @if compared > 0 {
                "Differences: "
                @for (class, words) in [("below-far", "below by 0.05"), ("below", "0.02"), ("same", "equal"), ("above", "above by 0.02"), ("above-far", "0.05")] {
                    span class={ "tint " (class) } { (words) } " "
                }
            } @else if measured > 0 {
                "No measured value may be compared with the published ones yet; each row states the reason."
            } @else {
                "Nothing is measured yet."
            }
        }
        section #paper data-live { (page::scores(&table)) }
    };
    let tables = vec![("numbers", numbers)];
    Ok(Found::View(View { title: name.clone(), body, tables }))
}

/// Published rows with the systems measured for them.
fn of_print<'a>(
    numbers: impl Iterator<Item = Row<'a>>,
    paper: &Paper,
    published: &Published,
    fills: &Fills,
) -> Table {
    type System = (String, String, String, String, String);
    let mut rows: Vec<(String, String)> = vec![];
    let mut tasks: Vec<String> = vec![];
    let mut print: BTreeMap<(usize, String), Option<f64>> = BTreeMap::new();
    let mut found: BTreeMap<(usize, System), (String, BTreeMap<String, Cell>)> = BTreeMap::new();
    for row in numbers {
        let name = (row.text("model"), row.text("condition"));
        let at = rows.iter().position(|known| *known == name).unwrap_or_else(|| {
            rows.push(name);
            rows.len() - 1
        });
        let task = row.text("task");
        if !tasks.contains(&task) {
            tasks.push(task.clone());
        }
        print.insert((at, task.clone()), row.real("published"));
        if row.text("spec").is_empty() {
            continue;
        }
        let system = (
            row.text("kind"),
            row.text("world"),
            row.text("scale"),
            row.text("experiment"),
            row.text("spec"),
        );
        let verdict = row.text("verdict");
        let (against, cells) = found.entry((at, system)).or_default();
        let apart = verdict.starts_with("not comparable");
        if apart {
            *against = verdict;
        }
        let comparable = row.real("published").filter(|_| !apart);
        cells.insert(
            task,
            Cell {
                value: row.real("measured"),
                std: row.real("std"),
                n: row.int("n") as usize,
                paper: comparable,
                mark: None,
            },
        );
    }
    let order = super::scores::in_order(tasks.iter().map(String::as_str).collect());
    let of_system = |(system, (against, cells)): (&System, &(String, BTreeMap<String, Cell>))| {
        let (kind, world, scale, experiment, spec) = system;
        let world = if world.is_empty() { String::new() } else { format!(" {world}") };
        let seeds = cells.values().map(|cell| cell.n).max().unwrap_or(0);
        Line {
            stub: vec![
                experiment.clone(),
                format!("{kind}{world}, {scale}"),
                spec.clone(),
                seeds.to_string(),
            ],
            kind: Kind::Measured,
            cells: order.iter().map(|task| cells.get(*task).cloned().unwrap_or_default()).collect(),
            note: against.clone(),
        }
    };
    let mut lines = vec![];
    for (at, (model, condition)) in rows.iter().enumerate() {
        let systems: Vec<_> = found
            .iter()
            .filter(|((of, _), _)| *of == at)
            .map(|((_, system), cells)| (system, cells))
            .collect();
        let filled = systems.iter().any(|(_, (against, _))| against.is_empty());
        let cell = |task: &&str| Cell::print(print.get(&(at, (*task).to_owned())).copied().flatten());
        lines.push(Line {
            stub: vec![model.clone(), condition.replace('_', " "), String::new(), String::new()],
            kind: Kind::Print,
            cells: order.iter().map(cell).collect(),
            note: if filled {
                String::new()
            } else {
                fills.command([paper.name, published.table, model, condition])
            },
        });
        lines.extend(systems.into_iter().map(of_system));
    }
    Table {
        stub: ["model", "condition", "spec", "seeds"].map(String::from).into(),
        columns: order.iter().map(|task| Column::of_score(paper.short(task).unwrap_or(task), task)).collect(),
        rows: lines,
        ..Table::default()
    }
}
