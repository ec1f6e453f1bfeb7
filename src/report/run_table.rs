//! What `exp` prints when a run has ended: its tasks, their floors and, if comparable, the published values.

use super::measured::{self, Measured, World};
use super::table::{Cell, Column, Kind, Row, Table, heads};
use super::{Error, terminal};
use crate::papers::{self, ACCURACY, MACRO_F1, Paper, Placed, Published, order};
use crate::spec::Features;
use crate::store::{PublishedRow, Reader};
use std::collections::{BTreeMap, BTreeSet};

/// One table for each spec and protocol among `asked`: experiments and their runs, which may be several seeds of several
/// specs. A run that several of them share is headed by all of their names, in their order, and by no other that declares it
/// too. Lines have at most `width` characters, if given.
///
/// # Errors
/// [`Error::NoScores`] for a run that is unfinished or missing.
pub fn terminal_table(store: &Reader, asked: &[(&str, &str)], width: Option<u16>) -> Result<String, Error> {
    let mut systems: BTreeMap<(String, World), Vec<Measured>> = BTreeMap::new();
    // Declarations that mean the same share a run, and one run is one seed.
    let mut runs: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (experiment, run) in asked {
        let names = runs.entry(run).or_default();
        if !names.contains(experiment) {
            names.push(experiment);
        }
    }
    for (run, names) in runs {
        for mut one in measured::of_run(store, run)? {
            one.experiment = names.join(", ");
            systems.entry((one.spec.clone(), one.world.clone())).or_default().push(one);
        }
    }
    let mut tables = Vec::new();
    for seeds in systems.into_values() {
        let beside = Beside::of(store, &seeds[0])?;
        tables.push(terminal::table(&table(&seeds, beside.as_ref()), width));
    }
    Ok(tables.join("\n"))
}

/// The published row that a system reproduces. If there are several: that of the paper's last table, which
/// has the most conditions.
struct Beside {
    paper: &'static Paper,
    table: &'static Published,
    placed: Placed,
    numbers: Vec<PublishedRow>,
}

impl Beside {
    fn of(store: &Reader, system: &Measured) -> Result<Option<Self>, Error> {
        // Papers are about all images.
        for paper in papers::on(&system.world.data).filter(|_| system.world.part.is_empty()) {
            let Some(placed) = system.placed(paper).last().cloned() else { continue };
            let Some(table) = paper.table(placed.table) else { continue };
            let numbers = store.published(paper.name, table.table)?;
            return Ok(Some(Self { paper, table, placed, numbers }));
        }
        Ok(None)
    }

    /// The published value of a task.
    fn value(&self, task: &str) -> Option<f64> {
        let row = |row: &&PublishedRow| {
            row.model == self.placed.model && row.condition == self.placed.condition && row.task == task
        };
        self.numbers.iter().find(row)?.value
    }
}

fn table(seeds: &[Measured], beside: Option<&Beside>) -> Table {
    let (first, world) = (&seeds[0], &seeds[0].world);
    let of_papers: Vec<&Paper> = papers::on(&world.data).collect();
    let found: BTreeSet<&str> = seeds.iter().flat_map(|one| one.scores.tasks()).map(String::as_str).collect();
    // Averages are stored too.
    let asked =
        |name: &&str| of_papers.is_empty() || of_papers.iter().any(|paper| paper.task(name).is_some());
    let mut names: Vec<&str> = found.into_iter().filter(asked).collect();
    names.sort_by_key(|name| order(name));
    // The paper's overall score is published even where a part of it is not.
    let complete = |name: &str| seeds.iter().all(|one| one.scores.f1(name).is_some());
    let overall = of_papers.iter().filter_map(|paper| paper.overall()).map(|average| average.name);
    for name in overall.filter(|name| complete(name)) {
        if !names.contains(&name) {
            names.push(name);
        }
    }

    let reason = beside
        .and_then(|row| world.reason_against(&row.table.protocol).or_else(|| row.placed.against.clone()));
    // The column shows macro-F1.
    let comparable = beside.filter(|row| reason.is_none() && row.table.metric == MACRO_F1);
    let values =
        |value: &dyn Fn(&Measured) -> Option<f64>| seeds.iter().filter_map(value).collect::<Vec<f64>>();
    let rows = names.iter().map(|name| {
        let paper_value = comparable.and_then(|row| row.value(name));
        let mut cells = vec![
            // A paper's averages are not of accuracy.
            Cell::of(&values(&|one| one.scores.of_task(ACCURACY, name))),
            Cell { paper: paper_value, ..Cell::of(&values(&|one| one.scores.f1(name))) },
        ];
        cells.extend(Features::FLOORS.map(|floor| {
            let cell = Cell::of(&values(&|one| one.floors.get(floor.name())?.f1(name)));
            Cell { std: None, ..cell }
        }));
        let mut stub = vec![(*name).into()];
        if !of_papers.is_empty() {
            stub.push(of_papers.iter().find_map(|paper| paper.to_paper(name)).unwrap_or_default().into());
        }
        Row { stub, kind: Kind::Measured, cells, note: String::new() }
    });
    let mut notes = vec![
        "The last five columns are floors: macro-F1 without training. Scores are means over seeds.".into(),
        "standardised: hand-made features of images whose channels were each standardised.".into(),
    ];
    if let (Some(row), Some(reason)) = (beside, &reason)
        && let Some(overall) = row.paper.overall().and_then(|overall| row.value(overall.name))
    {
        notes.push(format!(
            "The paper reports {overall:.3} overall for {}, {}; not comparable: {reason}.",
            row.placed.model,
            row.paper.condition(row.placed.condition)
        ));
    }
    let columns = [ACCURACY.words, MACRO_F1.words].into_iter().chain(Features::FLOORS.map(Features::head));
    let seeds = if seeds.len() == 1 { "one seed".into() } else { format!("{} seeds", seeds.len()) };
    Table {
        title: format!(
            "{}: {}{}, {seeds} (spec {})",
            first.experiment,
            world.words().replace('*', ""),
            first.features(),
            first.spec
        ),
        facts: Vec::new(),
        stub: if of_papers.is_empty() { heads(&["task"]) } else { heads(&["task", "published"]) },
        columns: columns.map(|name| Column::of(name, name)).collect(),
        rows: rows.collect(),
        notes,
    }
}
