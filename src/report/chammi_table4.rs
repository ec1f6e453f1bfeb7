//! CHAMMI, appendix, Table 4: six adapters under five conditions, macro-F1 of the tasks that ask for something new.

use super::Error;
use super::comparable::{Print, print_of, recipe_against};
use super::heatmap::{self, Panel};
use super::measured::{self, Measured, World};
use super::table::{Cell, Kind, Row, Table};
use crate::evaluate::names::{AVERAGES, TASKS};
use crate::spec::Features;
use crate::store::Reader;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A spec that an experiment of this program declares, so that a hole can say what would fill it.
#[derive(Clone, Debug)]
pub struct Declaration {
    /// The experiment's name.
    pub experiment: String,
    /// Its resolved spec, as declared.
    pub spec: Value,
}

/// The table in all the worlds that the store knows, and its figure.
pub(super) struct Table4 {
    pub(super) title: String,
    pub(super) tables: Vec<Table>,
    panels: Vec<Panel>,
    classes: Vec<(String, String)>,
}

type Printed = Vec<(Print, BTreeMap<String, f64>)>;

/// Asks the store.
pub(super) fn table4(store: &Reader, declared: &[Declaration]) -> Result<Table4, Error> {
    let printed = printed(store)?;
    let measured = measured::on(store, "chammi")?;
    let mut worlds: BTreeMap<&World, Vec<&Measured>> = BTreeMap::new();
    for one in &measured {
        worlds.entry(&one.world).or_default().push(one);
    }
    let mut tables: Vec<Table> =
        worlds.iter().map(|(world, runs)| of_world(Some(world), runs, &printed, declared)).collect();
    if tables.is_empty() {
        tables.push(of_world(None, &[], &printed, declared));
    }
    let compared = tables.iter().flat_map(|table| &table.rows).flat_map(|row| &row.cells);
    let compared = compared.filter(|cell| cell.paper.is_some()).count() > 0;
    tables.push(print_alone(&printed, compared));
    let with_classes = measured.iter().flat_map(|one| one.scores.per_class.keys().cloned());
    let seen: BTreeSet<(String, String)> = with_classes.collect();
    let of_task = |name: &str| seen.iter().filter(|(task, _)| task == name).cloned().collect::<Vec<_>>();
    let classes: Vec<(String, String)> = TASKS.iter().flat_map(|task| of_task(task.name)).collect();
    let panels = worlds.iter().map(|(world, runs)| panel(world, runs, &printed, &classes)).collect();
    let simulated = !worlds.is_empty() && worlds.keys().all(|world| world.kind == "simulated");
    let title = format!("CHAMMI, appendix, Table 4{}", if simulated { ", on *simulated* data" } else { "" });
    Ok(Table4 { title, tables, panels, classes })
}

impl Table4 {
    /// The heatmap of F1 per class as SVG; `None` while nothing is measured.
    pub(super) fn heatmap(&self) -> Option<Result<String, String>> {
        let short = |name: &str| {
            TASKS.iter().find(|task| task.name == name).map_or(name, |task| task.short).to_string()
        };
        let column =
            |(task, class): &(String, String)| heatmap::Column { group: short(task), name: class.clone() };
        let columns: Vec<heatmap::Column> = self.classes.iter().map(column).collect();
        let drawn = !columns.is_empty() && self.panels.iter().any(|panel| !panel.rows.is_empty());
        drawn.then(|| heatmap::draw(&self.panels, &columns, "F1 score"))
    }
}

/// What stands in print, row by row.
fn printed(store: &Reader) -> Result<Printed, Error> {
    let mut printed: Printed = Vec::new();
    for number in store.published("chammi", "table4")? {
        let print = Print { model: number.model, condition: number.condition };
        if printed.last().is_none_or(|(last, _)| *last != print) {
            printed.push((print, BTreeMap::new()));
        }
        if let (Some((_, numbers)), Some(value)) = (printed.last_mut(), number.value) {
            numbers.insert(number.task, value);
        }
    }
    Ok(printed)
}

/// Head and name of the ten columns: four averages, six tasks.
fn columns() -> Vec<(String, String)> {
    let averages = AVERAGES.iter().map(|average| (average.short.into(), average.name.into()));
    let tasks = TASKS.iter().filter(|task| task.novel).map(|task| (task.short.into(), task.name.into()));
    averages.chain(tasks).collect()
}

/// The runs of each spec that stands in a printed row, in the order of print.
fn systems<'a>(runs: &[&'a Measured], print: &Print) -> BTreeMap<&'a str, Vec<&'a Measured>> {
    let mut systems: BTreeMap<&str, Vec<&Measured>> = BTreeMap::new();
    for one in runs.iter().filter(|one| print_of(&one.config).as_ref() == Some(print)) {
        systems.entry(&one.spec).or_default().push(one);
    }
    systems
}

fn of_world(world: Option<&World>, runs: &[&Measured], printed: &Printed, declared: &[Declaration]) -> Table {
    let columns = columns();
    let mut rows = Vec::new();
    let apart = world.and_then(World::reason_against);
    let mut placed = 0;
    for (print, numbers) in printed {
        let name = |rest: [String; 3]| [vec![print.model.clone(), print.words()], rest.to_vec()].concat();
        let systems = systems(runs, print);
        if systems.is_empty() {
            let cells = vec![Cell::default(); columns.len()];
            rows.push(Row {
                stub: name(Default::default()),
                kind: Kind::Measured,
                cells,
                note: fill(print, world, declared),
            });
        }
        for (spec, seeds) in systems {
            placed += seeds.len();
            let recipe = recipe_against(&seeds[0].config).filter(|_| apart.is_none());
            let comparable = apart.is_none() && recipe.is_none();
            let cell = |(_, column): &(String, String)| {
                let values: Vec<f64> = seeds.iter().filter_map(|one| one.scores.f1(column)).collect();
                let paper = numbers.get(column).copied().filter(|_| comparable);
                Cell { paper, ..Cell::of(&values) }
            };
            let stub = name([seeds[0].experiment.clone(), spec.into(), seeds.len().to_string()]);
            let note = recipe.map_or(String::new(), |reason| format!("not comparable: {reason}"));
            rows.push(Row { stub, kind: Kind::Measured, cells: columns.iter().map(cell).collect(), note });
        }
    }
    rows.extend(floors(runs).into_iter().map(|(floor, below)| Row {
        stub: [vec![floor], vec![String::new(); 4]].concat(),
        kind: Kind::Floor,
        cells: columns.iter().map(|(_, column)| below.cell(|scores| scores.f1(column))).collect(),
        note: String::new(),
    }));
    let mut notes = vec![
        "Macro-F1, mean ± sample standard deviation over seeds. Rows in italics are floors: what needs no training.".into(),
    ];
    notes.extend(apart.map(|reason| format!("Print stands apart, not comparable: {reason}.")));
    if runs.len() > placed {
        notes.push(format!(
            "{} more runs have scores on this data and stand in no printed row.",
            runs.len() - placed
        ));
    }
    let facts = match world {
        Some(world) => {
            [&world.kind, &world.world, &world.scale, &world.protocol, &world.reads].map(String::clone)
        }
        None => Default::default(),
    };
    let heads = ["kind", "world", "scale", "protocol", "data"];
    let mut table = Table {
        title: world.map_or("Nothing measured yet".into(), World::words),
        facts: heads.into_iter().zip(facts).collect(),
        stub: vec!["model", "condition", "experiment", "spec", "seeds"],
        columns,
        rows,
        notes,
    };
    table.rank();
    table
}

/// What would fill a hole of this world.
fn fill(print: &Print, world: Option<&World>, declared: &[Declaration]) -> String {
    let Some(declaration) = declared.iter().find(|one| print_of(&one.spec).as_ref() == Some(print)) else {
        return "declared by no experiment".into();
    };
    let mut command = format!("dichroic exp {}", declaration.experiment);
    if let Some(world) = world {
        let real = world.kind == "real";
        command += if real { " --data chammi=PATH" } else { "" };
        // What `--scale` is without being said.
        if world.scale != if real { "paper" } else { "quick" } {
            command += &format!(" --scale {}", world.scale);
        }
    }
    format!("`{command}`")
}

/// The scores of one floor beside several runs.
struct Below<'a>(Vec<&'a measured::Scores>);

impl Below<'_> {
    /// Mean over the runs; without a deviation where all runs agree, because then it is one number.
    fn cell(&self, value: impl Fn(&measured::Scores) -> Option<f64>) -> Cell {
        let mut values: Vec<f64> = self.0.iter().filter_map(|scores| value(scores)).collect();
        if values.windows(2).all(|pair| pair[0] == pair[1]) {
            values.truncate(1);
        }
        Cell::of(&values)
    }
}

/// The floors of a world, by name. The untrained network is another one for each adapter.
fn floors<'a>(runs: &[&'a Measured]) -> Vec<(String, Below<'a>)> {
    let mut floors = Vec::new();
    for floor in Features::FLOORS {
        let mut below: BTreeMap<String, Below<'a>> = BTreeMap::new();
        for one in runs {
            let Some(scores) = one.floors.get(floor.name()) else { continue };
            let model = print_of(&one.config).map_or("network".into(), |print| print.model);
            let name = match floor {
                Features::Constant => "constant guess".into(),
                Features::Prior => "training prior".into(),
                Features::HandMade => "hand-made features".into(),
                Features::Untrained | Features::Model => format!("untrained {model}"),
            };
            below.entry(name).or_insert(Below(Vec::new())).0.push(scores);
        }
        floors.extend(below);
    }
    floors
}

fn print_alone(printed: &Printed, compared: bool) -> Table {
    let columns = columns();
    let rows = printed.iter().map(|(print, numbers)| Row {
        stub: vec![print.model.clone(), print.words()],
        kind: Kind::Print,
        cells: columns.iter().map(|(_, column)| Cell::print(numbers.get(column).copied())).collect(),
        note: String::new(),
    });
    let apart = if compared { "comparable only where a difference stands" } else { "not comparable" };
    Table {
        title: format!("What the paper prints ({apart})"),
        facts: Vec::new(),
        stub: vec!["model", "condition"],
        rows: rows.collect(),
        columns,
        notes: vec!["Source: arXiv 2310.19224, appendix, Table 4; one seed, no deviations printed.".into()],
    }
}

fn panel(world: &World, runs: &[&Measured], printed: &Printed, classes: &[(String, String)]) -> Panel {
    let mut rows = Vec::new();
    let mut overall: Vec<f64> = Vec::new();
    for (print, _) in printed {
        let systems = systems(runs, print);
        let several = systems.len() > 1;
        for (spec, seeds) in systems {
            let scores = Below(seeds.iter().map(|one| &one.scores).collect());
            overall.push(scores.cell(|scores| scores.f1("cps")).value.unwrap_or(f64::NAN));
            let mut name = format!("{}, {}", print.model, print.words());
            if several {
                // One experiment may hold several such specs, but then their ids tell them apart.
                name += &format!(" ({} {})", seeds[0].experiment, spec.get(..4).unwrap_or(spec));
            }
            rows.push(row(name, false, &scores, classes));
        }
    }
    if let Some(best) = overall.iter().copied().reduce(f64::max).filter(|_| rows.len() > 1) {
        rows.iter_mut().zip(&overall).for_each(|(row, overall)| row.best = *overall == best);
    }
    rows.extend(floors(runs).iter().map(|(name, below)| row(name.clone(), true, below, classes)));
    Panel { heading: world.words().replace('*', ""), rows }
}

fn row(name: String, floor: bool, scores: &Below<'_>, classes: &[(String, String)]) -> heatmap::Row {
    let values = classes.iter().map(|class| scores.cell(|scores| scores.per_class.get(class).copied()).value);
    heatmap::Row { name, floor, best: false, values: values.collect() }
}
