//! The paper's tables of scores, row by row beside print: macro-F1 of averages and tasks.

use super::{
    super::{
        Error,
        heatmap::{self, Panel},
        marks,
        measured::{self, Below, Measured, Source, World, rows_with},
        table::{Cell, Column, Kind, Row, Table, heads},
    },
    Declaration, PaperTable, Shown,
    comparable::{Print, System, print_of, recipe_against, recipes_of},
    title,
};
use crate::{
    evaluate::{
        bootstrap::Average,
        chammi,
        names::{AVERAGES, TASKS},
    },
    spec::{Backbone, Features},
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Rows of print, with their numbers by the store's names.
pub(super) type Printed = Vec<(Print, BTreeMap<String, f64>)>;

/// The table in all the worlds that the store knows, and its figure.
pub(super) fn report(
    paper: &PaperTable,
    store: &Source<'_>,
    declared: &[Declaration],
) -> Result<Shown, Error> {
    let printed = printed(paper, store)?;
    let measured = store.on("chammi")?;
    let asked = Asked { paper, printed: &printed, declared, columns: columns(paper), store };
    let worlds = measured::by_world(&measured);
    let classes = classes(&measured);
    let figure = asked.figure(&worlds, &classes);
    Ok(Shown {
        title: title(paper.title, &worlds),
        tables: asked.tables(&worlds)?,
        caption: CAPTION.into(),
        figure,
        points: None,
    })
}

/// Below a heatmap.
pub(super) const CAPTION: &str = "F1 of every class";

/// Head and name of a table's columns: averages, then tasks.
fn columns(paper: &PaperTable) -> Vec<Column> {
    let averages = AVERAGES.iter().map(|average| Column::of_score(average.short, average.name));
    let tasks = TASKS.iter().filter(|task| task.novel || paper.all_tasks);
    averages.chain(tasks.map(|task| Column::of_score(task.short, task.name))).collect()
}

/// Task and class of every score per class that there is, in the paper's order.
pub(super) fn classes(measured: &[Measured]) -> Vec<(String, String)> {
    let with_classes = measured.iter().flat_map(|one| one.scores.per_class.keys().cloned());
    let seen: BTreeSet<(String, String)> = with_classes.collect();
    let of_task = |name: &str| seen.iter().filter(|(task, _)| task == name).cloned().collect::<Vec<_>>();
    TASKS.iter().flat_map(|task| of_task(task.name)).collect()
}

/// The heatmap of F1 per class as SVG; `None` while nothing is measured.
fn heatmap(panels: &[Panel], classes: &[(String, String)]) -> Option<Result<String, String>> {
    let short =
        |name: &str| TASKS.iter().find(|task| task.name == name).map_or(name, |task| task.short).to_string();
    let column =
        |(task, class): &(String, String)| heatmap::Column { group: short(task), name: class.clone() };
    let columns: Vec<heatmap::Column> = classes.iter().map(column).collect();
    let drawn = !columns.is_empty() && panels.iter().any(|panel| panel.rows.iter().any(|row| !row.floor));
    drawn.then(|| heatmap::draw(panels, &columns, "F1 score"))
}

/// What is asked of each world.
pub(super) struct Asked<'a> {
    pub(super) paper: &'a PaperTable,
    pub(super) printed: &'a Printed,
    pub(super) declared: &'a [Declaration],
    /// The columns of numbers, with the names that [`measured::Scores::f1`] knows.
    pub(super) columns: Vec<Column>,
    pub(super) store: &'a Source<'a>,
}

/// What stands in print, row by row.
pub(super) fn printed(paper: &PaperTable, store: &Source<'_>) -> Result<Printed, Error> {
    let mut printed: Printed = Vec::new();
    for number in store.published("chammi", paper.table)? {
        let print = Print { model: number.model, condition: number.condition };
        if printed.last().is_none_or(|(last, _)| *last != print) {
            printed.push((print, BTreeMap::new()));
        }
        if let (Some((_, numbers)), Some(value)) = (printed.last_mut(), number.value) {
            numbers.insert(number.task, value);
        }
    }
    // What the paper does not print follows from what it prints.
    for (_, numbers) in &mut printed {
        for average in &AVERAGES {
            let reckoned = chammi::average(average.name, |task| numbers.get(task).copied());
            if let (Some(value), false) = (reckoned, numbers.contains_key(average.name)) {
                numbers.insert(average.name.into(), value);
            }
        }
    }
    Ok(printed)
}

impl Asked<'_> {
    /// A table for each world, or one of holes; then print.
    pub(super) fn tables(&self, worlds: &BTreeMap<&World, Vec<&Measured>>) -> Result<Vec<Table>, Error> {
        let mut tables: Vec<Table> =
            worlds.iter().map(|(world, runs)| self.of_world(Some(world), runs)).collect::<Result<_, _>>()?;
        if tables.is_empty() {
            tables.push(self.of_world(None, &[])?);
        }
        let compared = tables.iter().flat_map(|table| &table.rows).flat_map(|row| &row.cells);
        let compared = compared.filter(|cell| cell.paper.is_some()).count() > 0;
        tables.push(self.print_alone(compared));
        Ok(tables)
    }

    /// The heatmap of all worlds.
    pub(super) fn figure(
        &self,
        worlds: &BTreeMap<&World, Vec<&Measured>>,
        classes: &[(String, String)],
    ) -> Option<Result<String, String>> {
        let panels: Vec<Panel> =
            worlds.iter().map(|(world, runs)| self.panel(world, runs, classes)).collect();
        heatmap(&panels, classes)
    }

    /// The runs of each spec that stands in a printed row, by recipe and spec.
    pub(super) fn systems<'m>(
        &self,
        runs: &[&'m Measured],
        print: &Print,
    ) -> BTreeMap<(String, &'m str), Vec<&'m Measured>> {
        let mut systems: BTreeMap<(String, &str), Vec<&Measured>> = BTreeMap::new();
        for one in runs.iter().filter(|one| print_of(&one.config, self.paper).as_ref() == Some(print)) {
            systems.entry((recipes_of(&one.config), &one.spec)).or_default().push(one);
        }
        systems
    }

    pub(super) fn of_world(&self, world: Option<&World>, runs: &[&Measured]) -> Result<Table, Error> {
        let columns = self.columns.clone();
        let mut rows = Vec::new();
        // Row, and the runs behind it.
        let mut behind: Vec<(usize, Vec<&Measured>)> = Vec::new();
        let apart = world.and_then(World::reason_against);
        let mut placed = 0;
        for (print, numbers) in self.printed {
            let name = |rest: [String; 4]| [vec![print.model.clone(), print.words()], rest.to_vec()].concat();
            let systems = self.systems(runs, print);
            if systems.is_empty() {
                let cells = vec![Cell::default(); columns.len()];
                rows.push(Row {
                    stub: name(Default::default()),
                    kind: Kind::Measured,
                    cells,
                    note: self.fill(print, world),
                });
            }
            for ((recipes, spec), seeds) in systems {
                placed += seeds.len();
                let recipe = recipe_against(&seeds[0].config).filter(|_| apart.is_none());
                let comparable = apart.is_none() && recipe.is_none();
                let cell = |column: &Column| {
                    let values: Vec<f64> =
                        seeds.iter().filter_map(|one| one.scores.f1(&column.name)).collect();
                    let paper = numbers.get(&column.name).copied().filter(|_| comparable);
                    Cell { paper, ..Cell::of(&values) }
                };
                let stub = name([recipes, seeds[0].experiment.clone(), spec.into(), seeds.len().to_string()]);
                let note = recipe.map_or(String::new(), |reason| format!("not comparable: {reason}"));
                rows.push(Row {
                    stub,
                    kind: Kind::Measured,
                    cells: columns.iter().map(cell).collect(),
                    note,
                });
                behind.push((rows.len() - 1, seeds));
            }
        }
        rows.extend(floors(runs, System::of).into_iter().map(|(floor, below)| Row {
            stub: [vec![floor], vec![String::new(); 5]].concat(),
            kind: Kind::Floor,
            cells: columns.iter().map(|column| below.cell(|scores| scores.f1(&column.name))).collect(),
            note: String::new(),
        }));
        let mut notes = vec![
        "Macro-F1, mean ± sample standard deviation over seeds. Rows in italics are floors: what needs no training.".into(),
    ];
        notes.extend(self.price(&rows, runs)?);
        notes.extend(apart.map(|reason| format!("Print stands apart, not comparable: {reason}.")));
        if runs.len() > placed {
            notes.push(format!(
                "{} more runs have scores on this data and stand in no row of this table.",
                runs.len() - placed
            ));
        }
        let facts = match world {
            Some(world) => {
                [&world.kind, &world.world, &world.scale, &world.protocol, &world.reads].map(String::clone)
            }
            None => Default::default(),
        };
        let names = ["kind", "world", "scale", "protocol", "data"];
        let mut table = Table {
            title: world.map_or("Nothing measured yet".into(), World::words),
            facts: names.into_iter().zip(facts).collect(),
            stub: heads(&["model", "condition", "recipe", "experiment", "spec", "seeds"]),
            columns,
            rows,
            notes,
        };
        table.mark_best(0);
        marks::level(self.store, &mut table, &behind, average)?;
        table.mark_second();
        Ok(table)
    }

    /// What a hole costs, as the runs of this world did.
    fn price(&self, rows: &[Row], runs: &[&Measured]) -> Result<Option<String>, Error> {
        let hole = |row: &Row| row.kind == Kind::Measured && row.note.starts_with('`');
        if !rows.iter().any(hole) {
            return Ok(None);
        }
        let mut note = "`dichroic exp NAME --dry` says what a hole costs in time, memory and disk".to_owned();
        let (mut seconds, mut bytes) = (0.0, 0.0);
        for one in runs {
            let sql = "SELECT (SELECT coalesce(max(secs), 0) FROM v_runs WHERE uid = ?1) AS seconds,
                (SELECT coalesce(sum(f.bytes), 0) FROM run r JOIN run_work w ON w.run_id = r.id
                 JOIN artifact f ON f.work_id = w.work_id WHERE r.uid = ?1) AS bytes";
            for row in rows_with(self.store, sql, &[&one.run])?.iter() {
                (seconds, bytes) =
                    (seconds + row.real("seconds").unwrap_or(0.0), bytes + row.real("bytes").unwrap_or(0.0));
            }
        }
        if seconds > 0.0 {
            let n = runs.len() as f64;
            note += &format!(
                "; a run of this world took {:.0} s and {:.0} MB of disk",
                seconds / n,
                bytes / n / 1e6
            );
        }
        Ok(Some(note + "."))
    }

    /// What would fill a hole of this world.
    fn fill(&self, print: &Print, world: Option<&World>) -> String {
        if let Some(reason) = self.paper.without_run(print) {
            return reason.into();
        }
        command(self.declared, world, |spec| print_of(spec, self.paper).as_ref() == Some(print))
    }

    fn print_alone(&self, compared: bool) -> Table {
        let columns = self.columns.clone();
        let rows = self.printed.iter().map(|(print, numbers)| Row {
            stub: vec![print.model.clone(), print.words()],
            kind: Kind::Print,
            cells: columns.iter().map(|column| Cell::print(numbers.get(&column.name).copied())).collect(),
            note: String::new(),
        });
        let apart = if compared { "comparable only where a difference stands" } else { "not comparable" };
        Table {
            title: format!("What the paper prints ({apart})"),
            facts: Vec::new(),
            stub: heads(&["model", "condition"]),
            rows: rows.collect(),
            columns,
            notes: vec![format!(
                "Source: arXiv 2310.19224, {}; one seed, no deviations printed.",
                self.paper.source
            )],
        }
    }

    fn panel(&self, world: &World, runs: &[&Measured], classes: &[(String, String)]) -> Panel {
        let mut rows = Vec::new();
        let mut overall: Vec<f64> = Vec::new();
        for (print, _) in self.printed {
            let systems = self.systems(runs, print);
            let of_recipe = |recipe: &String| systems.keys().filter(|(known, _)| known == recipe).count();
            let several: Vec<bool> = systems.keys().map(|(recipe, _)| of_recipe(recipe) > 1).collect();
            for (((recipes, spec), seeds), several) in systems.into_iter().zip(several) {
                let scores = Below(seeds.iter().map(|one| &one.scores).collect());
                overall.push(scores.cell(|scores| scores.f1("cps")).value.unwrap_or(f64::NAN));
                // Two of one recipe are told apart by their ids.
                let id = if several { format!(", {}", spec.get(..4).unwrap_or(spec)) } else { String::new() };
                let name = format!("{}, {} ({recipes}{id})", print.model, print.words());
                rows.push(row(name, false, &scores, classes));
            }
        }
        if let Some(best) = overall.iter().copied().reduce(f64::max).filter(|_| rows.len() > 1) {
            rows.iter_mut().zip(&overall).for_each(|(row, overall)| row.best = *overall == best);
        }
        rows.extend(
            floors(runs, System::of).iter().map(|(name, below)| row(name.clone(), true, below, classes)),
        );
        Panel { heading: world.words().replace('*', ""), rows }
    }
}

/// What a column's score is made of.
fn average(name: &str) -> Option<Average> {
    if let Some(average) = AVERAGES.iter().find(|average| average.name == name) {
        return Some(Average::from(average));
    }
    let task = TASKS.iter().find(|task| task.name == name)?;
    Some(Average { name: task.name.into(), parts: vec![(task.name.into(), 1.0)] })
}

/// The command that runs a declared spec in a world.
pub(super) fn command(
    declared: &[Declaration],
    world: Option<&World>,
    fits: impl Fn(&Value) -> bool,
) -> String {
    let Some(declaration) = declared.iter().find(|one| fits(&one.spec)) else {
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

/// The floors of a world, by name. The untrained network is another one for each adapter; where `system` knows of none,
/// it is left out.
pub(super) fn floors<'a>(
    runs: &[&'a Measured],
    system: impl Fn(&Value) -> Option<System>,
) -> Vec<(String, Below<'a>)> {
    let mut floors = Vec::new();
    for floor in Features::FLOORS {
        let mut below: BTreeMap<String, Below<'a>> = BTreeMap::new();
        for one in runs {
            let Some(scores) = one.floors.get(floor.name()) else { continue };
            let words = measured::floor_words(floor);
            let name = match floor {
                Features::Untrained => {
                    let model = system(&one.config).map(|system| system.model.to_owned());
                    let Some(model) = model.or_else(|| backbone(&one.config)) else { continue };
                    format!("{words} {model}")
                }
                _ => words.into(),
            };
            below.entry(name).or_insert(Below(Vec::new())).0.push(scores);
        }
        floors.extend(below);
    }
    floors
}

/// A network off the shelf, by its name.
fn backbone(spec: &Value) -> Option<String> {
    let backbone: Backbone = serde_json::from_value(spec["model"]["backbone"].clone()).ok()?;
    backbone.is_off_the_shelf().then(|| backbone.to_string())
}

fn row(name: String, floor: bool, scores: &Below<'_>, classes: &[(String, String)]) -> heatmap::Row {
    let values = classes.iter().map(|class| scores.cell(|scores| scores.per_class.get(class).copied()).value);
    heatmap::Row { name, floor, best: false, values: values.collect() }
}
