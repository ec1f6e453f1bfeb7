//! What `exp` prints when a run has ended: its tasks, what lies below them and, where it may, what the paper prints.

use super::chammi::{any_print_of, reason_against};
use super::measured::{self, Measured, World};
use super::table::{Cell, Column, Kind, Row, Table, heads};
use super::{Error, Print, terminal};
use crate::evaluate::names::{AVERAGES, TASKS, order, to_paper};
use crate::spec::Features;
use crate::store::{PublishedRow, Reader};
use std::collections::{BTreeMap, BTreeSet};

/// One table for each spec and protocol among the runs `runs`, which may be several seeds of several specs; in lines of at
/// most `width` letters where a terminal has no more.
///
/// # Errors
/// [`Error::NoScores`] for a run that is not finished or not there.
pub fn terminal_table(store: &Reader, runs: &[&str], width: Option<u16>) -> Result<String, Error> {
    let mut systems: BTreeMap<(String, World), Vec<Measured>> = BTreeMap::new();
    // Sentences that mean the same share a run, and one run is one seed.
    let runs: BTreeSet<&str> = runs.iter().copied().collect();
    for run in runs {
        for one in measured::of_run(store, run)? {
            systems.entry((one.spec.clone(), one.world.clone())).or_default().push(one);
        }
    }
    let mut tables = Vec::new();
    for seeds in systems.into_values() {
        let row = any_print_of(&seeds[0].config);
        let printed = row.as_ref().map(|(table, _)| store.published("chammi", table.table)).transpose()?;
        let print = row.map(|(_, print)| print);
        tables.push(terminal::table(&table(&seeds, print, &printed.unwrap_or_default()), width));
    }
    Ok(tables.join("\n"))
}

fn table(seeds: &[Measured], print: Option<Print>, printed: &[PublishedRow]) -> Table {
    let (first, world) = (&seeds[0], &seeds[0].world);
    let chammi = world.data == "chammi";
    let found: BTreeSet<&str> =
        seeds.iter().flat_map(|one| one.scores.f1_macro.keys()).map(String::as_str).collect();
    let mut names: Vec<&str> = match chammi {
        true => TASKS.iter().map(|task| task.name).filter(|task| found.contains(task)).collect(),
        false => found.into_iter().collect(),
    };
    names.sort_by_key(|name| order(name));
    // The paper's overall score is one even where a part of it would not be printed.
    let complete = |name: &str| seeds.iter().all(|one| one.scores.f1(name).is_some());
    names.extend(AVERAGES.iter().take(1).map(|average| average.name).filter(|name| chammi && complete(name)));

    let row_in_print = print.filter(|_| chammi);
    let reason = reason_against(&first.config, world);
    let in_print = |task: &str| {
        let print = row_in_print.as_ref()?;
        let row = |row: &&PublishedRow| {
            row.model == print.model && row.condition == print.condition && row.task == task
        };
        printed.iter().find(row)?.value
    };
    let values =
        |value: &dyn Fn(&Measured) -> Option<f64>| seeds.iter().filter_map(value).collect::<Vec<f64>>();
    let rows = names.iter().map(|name| {
        let paper = in_print(name).filter(|_| reason.is_none());
        let mut cells = vec![
            Cell::of(&values(&|one| one.scores.accuracy.get(*name).copied())),
            Cell { paper, ..Cell::of(&values(&|one| one.scores.f1(name))) },
        ];
        cells.extend(Features::FLOORS.map(|floor| {
            let cell = Cell::of(&values(&|one| one.floors.get(floor.name())?.f1(name)));
            Cell { std: None, ..cell }
        }));
        let label = if chammi { to_paper(name).unwrap_or_default() } else { "" };
        let stub = if chammi { vec![(*name).into(), label.into()] } else { vec![(*name).into()] };
        Row { stub, kind: Kind::Measured, cells, note: String::new() }
    });
    let mut notes = vec![
        "The last four columns are floors: macro-F1 that needs no training. Scores are means over seeds."
            .into(),
    ];
    if let (Some(print), Some(reason)) = (&row_in_print, &reason)
        && let Some(overall) = in_print("cps")
    {
        notes.push(format!(
            "The paper prints {overall:.3} overall for {}, {}; not comparable: {reason}.",
            print.model,
            print.words()
        ));
    }
    let columns = ["accuracy", "macro-F1", "constant", "prior", "hand-made", "untrained"];
    let seeds = if seeds.len() == 1 { "one seed".into() } else { format!("{} seeds", seeds.len()) };
    Table {
        title: format!(
            "{}: {}, {seeds} (spec {})",
            first.experiment,
            world.words().replace('*', ""),
            first.spec
        ),
        facts: Vec::new(),
        stub: if chammi { heads(&["task", "in print"]) } else { heads(&["task"]) },
        columns: columns.map(|name| Column::of(name, name)).into(),
        rows: rows.collect(),
        notes,
    }
}
