//! The paper's Figure 6B, technical generalisation: Depthwise, trained on two sets and applied to the
//! channels of the third, next to the backbone off the shelf.

use super::super::{Declaration, Shown, declared::command, scores::floors, title};
use super::{PAPER, fig5::colour};
use crate::papers::{
    Task,
    chammi::{PROTOCOL, SETS, Start, Strategy, System},
};
use crate::report::Error;
use crate::report::bars::{Axis, Bar, Group, Panel, draw};
use crate::report::drawing::{Drawing, Rgb};
use crate::report::measured::{self, Measured, Source, World};
use crate::report::table::{Cell, Column, Kind, Row, Table, heads};
use crate::spec::Spec;
use std::collections::{BTreeMap, BTreeSet};

/// All that the paper states about it in numbers.
const STATEMENT: &str = "The paper draws this figure without numbers and states: relative to its baseline, up to 11 % better on WTC, 12 % on \
HPA, 5 % on CP. It does not say by which rule filters are replicated.";

fn is_baseline(spec: &Spec) -> bool {
    System::of(spec).is_some_and(|system| system.start == Start::OffTheShelf)
}

/// The set that a spec of this figure leaves out.
fn held_out(spec: &Spec) -> Option<usize> {
    let (set, system) = System::without_one(spec)?;
    let fits = system.model == "Depthwise"
        && system.start == Start::Pretrained
        && system.strategy == Strategy::Erm
        && system.is_plain();
    fits.then_some(set)
}

/// The runs of a world that the figure shows.
struct Found<'m> {
    baseline: Vec<&'m Measured>,
    /// By the set left out, then by recipe and spec.
    carried: [BTreeMap<(String, &'m str), Vec<&'m Measured>>; 3],
}

impl<'m> Found<'m> {
    fn of(runs: &[&'m Measured]) -> Self {
        let mut found = Self { baseline: Vec::new(), carried: Default::default() };
        for one in runs {
            let Some(spec) = one.resolved() else { continue };
            if is_baseline(spec) {
                found.baseline.push(one);
            } else if let Some(set) = held_out(spec) {
                let key = (one.recipes().into(), one.spec.as_str());
                found.carried[set].entry(key).or_default().push(one);
            }
        }
        // Without training only the preprocessing of images can differ: one spec represents the backbone.
        let first = found.baseline.first().map(|one| one.spec.clone());
        found.baseline.retain(|one| Some(&one.spec) == first.as_ref());
        found
    }
}

fn cell(runs: &[&Measured], name: &str) -> Cell {
    Cell::of(&runs.iter().filter_map(|one| one.scores.f1(name)).collect::<Vec<f64>>())
}

/// Builds it from the store.
pub(super) fn report(store: &Source<'_>, declared: &[Declaration]) -> Result<Shown, Error> {
    let measured = store.on(PAPER.data)?;
    let mut worlds = measured::by_world(&measured);
    let shown = |spec: &Spec| is_baseline(spec) || held_out(spec).is_some();
    worlds.retain(|_, runs| runs.iter().any(|one| one.resolved().is_some_and(shown)));
    let mut tables: Vec<Table> = Vec::new();
    for (world, runs) in &worlds {
        let found = Found::of(runs);
        tables.extend((0..SETS.len()).map(|set| table(Some(world), &found, set, declared)));
    }
    if tables.is_empty() {
        let nothing = Found::of(&[]);
        tables.extend((0..SETS.len()).map(|set| table(None, &nothing, set, declared)));
    }
    Ok(Shown {
        title: title("CHAMMI, Figure 6B: channels that training never saw", &worlds),
        tables,
        caption: "Macro-F1 on the set that was left out of training".into(),
        figure: figure(&worlds),
        points: None,
    })
}

fn tasks(set: usize) -> impl Iterator<Item = &'static Task> {
    PAPER.tasks.iter().filter(move |task| task.set() == SETS[set].0)
}

/// `HPA + CP`.
fn others(set: usize) -> String {
    let others: Vec<&str> =
        SETS.iter().enumerate().filter(|(other, _)| *other != set).map(|(_, (_, name))| *name).collect();
    others.join(" + ")
}

/// One left-out set: both models, their difference, and the floors.
fn table(world: Option<&World>, found: &Found<'_>, set: usize, declared: &[Declaration]) -> Table {
    let (name, short) = SETS[set];
    let mean = PAPER.averages.iter().find(|average| average.short == short);
    let columns: Vec<Column> = tasks(set)
        .map(|task| Column::of(task.short, task.name))
        .chain(mean.map(|mean| Column::of(format!("{short} mean"), mean.name)))
        .collect();
    let cells =
        |runs: &[&Measured]| -> Vec<Cell> { columns.iter().map(|column| cell(runs, &column.name)).collect() };
    let row = |model: &str, trained_on: String, recipe: String, runs: &[&Measured], note: String| {
        let (experiment, spec) = runs.first().map_or(("", ""), |one| (&one.experiment, &one.spec));
        let seeds = if runs.is_empty() { String::new() } else { runs.len().to_string() };
        Row {
            stub: vec![model.into(), trained_on, recipe, experiment.into(), spec.into(), seeds],
            kind: Kind::Measured,
            cells: cells(runs),
            note,
        }
    };
    let baseline = &found.baseline;
    let missing =
        if baseline.is_empty() { command(&PAPER, declared, world, is_baseline) } else { String::new() };
    let recipes = baseline.first().map_or(String::new(), |one| one.recipes().into());
    let mut rows = vec![row("ChannelReplication", "off the shelf".into(), recipes, baseline, missing)];
    let carried = &found.carried[set];
    if carried.is_empty() {
        let missing = command(&PAPER, declared, world, |spec| held_out(spec) == Some(set));
        rows.push(row("Depthwise", others(set), String::new(), &[], missing));
    }
    for ((recipe, _), runs) in carried {
        rows.push(row("Depthwise", others(set), recipe.clone(), runs, String::new()));
    }
    for ((recipe, spec), runs) in carried.iter().filter(|_| !baseline.is_empty()) {
        let relative =
            |column: &Column| Cell::print(relative(&cell(runs, &column.name), &cell(baseline, &column.name)));
        let stub = ["relative difference", "", recipe, "", spec, ""].map(String::from).into();
        let cells = columns.iter().map(relative).collect();
        rows.push(Row { stub, kind: Kind::Derived, cells, note: String::new() });
    }
    let beside: Vec<&Measured> = carried.values().flatten().chain(baseline).copied().collect();
    let model = |spec: &Spec| {
        let system = System::of(spec).or_else(|| Some(System::without_one(spec)?.1));
        system.map(|system| system.model)
    };
    rows.extend(floors(&beside, model).into_iter().map(|(floor, below)| Row {
        stub: [vec![floor], vec![String::new(); 5]].concat(),
        kind: Kind::Floor,
        cells: columns.iter().map(|column| below.cell(|scores| scores.f1(&column.name))).collect(),
        note: String::new(),
    }));
    let words = world.map_or("nothing measured yet".into(), World::words);
    let facts = world.map_or([String::new(), String::new(), String::new()], |world| {
        [&world.kind, &world.world, &world.scale].map(String::clone)
    });
    let mut table = Table {
        title: format!("{short} left out of training: {words}"),
        facts: ["kind", "world", "scale"].into_iter().zip(facts).chain([("left_out", name.into())]).collect(),
        stub: heads(&["model", "trained on", "recipe", "experiment", "spec", "seeds"]),
        columns,
        notes: vec![
            format!(
                "Macro-F1, mean ± sample standard deviation over seeds; relative differences are fractions of \
                 ChannelReplication's score. {}",
                measured::floors_note(&rows)
            ),
            STATEMENT.into(),
        ],
        rows,
    };
    let reason = world.and_then(|world| world.reason_against(&PROTOCOL));
    table.notes.extend(reason.map(|reason| format!("Not comparable with the published values: {reason}.")));
    table.mark_best(0);
    table.mark_second();
    table
}

/// The relative difference from the baseline's score: 0.11 is 11 %.
fn relative(ours: &Cell, baseline: &Cell) -> Option<f64> {
    let baseline = baseline.value.filter(|value| *value > 0.0)?;
    Some(ours.value? / baseline - 1.0)
}

/// Bars for each task, in the worlds with such runs; `None` if there are none.
fn figure(worlds: &BTreeMap<&World, Vec<&Measured>>) -> Option<Result<Drawing, String>> {
    let worlds: Vec<(&World, Found<'_>)> =
        worlds.iter().map(|(world, runs)| (*world, Found::of(runs))).collect();
    // One series per recipe, and one per spec where a recipe has several.
    let keys = |found: &Found<'_>| -> Vec<(String, usize)> {
        let of_set = |carried: &BTreeMap<(String, &str), Vec<&Measured>>| {
            numbered(carried).map(|(key, _)| key).collect::<Vec<_>>()
        };
        found.carried.iter().flat_map(of_set).collect()
    };
    let keys: BTreeSet<(String, usize)> = worlds.iter().flat_map(|(_, found)| keys(found)).collect();
    if keys.is_empty() {
        return None;
    }
    let mut series: Vec<(String, Rgb)> =
        vec![("ChannelReplication, off the shelf".into(), colour("ChannelReplication"))];
    series.extend(keys.iter().enumerate().map(|(at, (recipe, number))| {
        let again = if *number > 0 { format!(" ({})", number + 1) } else { String::new() };
        (format!("Depthwise, trained on the other two sets, {recipe}{again}"), shade(at))
    }));
    let panel = |(world, found): &(&World, Found<'_>)| {
        let groups = (0..SETS.len()).flat_map(|set| tasks(set).map(move |task| (set, task)));
        let groups = groups.map(|(set, task)| {
            let below = cell(&found.baseline, task.name);
            let bar =
                |cell: &Cell, label: String| cell.value.map(|value| Bar { value, std: cell.std, label });
            let mut bars = vec![bar(&below, String::new())];
            let carried: BTreeMap<(String, usize), &Vec<&Measured>> = numbered(&found.carried[set]).collect();
            bars.extend(keys.iter().map(|key| {
                let cell = cell(carried.get(key)?, task.name);
                bar(
                    &cell,
                    relative(&cell, &below).map_or(String::new(), |share| format!("{:+.0}%", share * 100.0)),
                )
            }));
            Group { name: task.short.into(), of: format!("{} left out", SETS[set].1), bars }
        });
        Panel { heading: world.words().replace('*', ""), groups: groups.collect() }
    };
    let panels: Vec<Panel> = worlds.iter().map(panel).collect();
    Some(draw(&panels, &series, Axis::whole("macro-F1 (labels: relative difference)")))
}

/// The systems of a set by recipe and number within it.
fn numbered<'a, 'm>(
    carried: &'a BTreeMap<(String, &'m str), Vec<&'m Measured>>,
) -> impl Iterator<Item = ((String, usize), &'a Vec<&'m Measured>)> {
    let mut last: Option<(&String, usize)> = None;
    carried.iter().map(move |((recipe, _), runs)| {
        let number = last.filter(|(known, _)| *known == recipe).map_or(0, |(_, number)| number + 1);
        last = Some((recipe, number));
        ((recipe.clone(), number), runs)
    })
}

/// The model's colour, paler from one series to the next.
fn shade(at: usize) -> Rgb {
    let Rgb(red, green, blue) = colour("Depthwise");
    let part =
        |part: u8| (f64::from(part) + (255.0 - f64::from(part)) * (at as f64 * 0.4).min(0.8)).round() as u8;
    Rgb(part(red), part(green), part(blue))
}
