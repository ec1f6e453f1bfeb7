//! An experiment's systems: how they differ, their runs, and their scores.

use super::{
    Cell, Column, Error, Kind, Row, Table, boxes,
    document::Shown,
    marks,
    measured::{self, Below, Measured, Source, World, rows_with},
    table::heads,
};
use crate::{
    evaluate::bootstrap::Average,
    papers::order,
    spec::{Features, lines},
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One spec of an experiment with its finished runs.
pub(super) struct System {
    /// Its label, or the settings by which it differs from the others.
    pub(super) name: String,
    pub(super) spec: String,
    /// Ids and seeds.
    pub(super) runs: Vec<(String, i64)>,
}

/// Most settings in a name.
const SETTINGS: usize = 4;

/// The systems of an experiment in the order of declaration; none until one of its runs is finished.
pub(super) fn of(store: &Source<'_>, experiment: &str) -> Result<Vec<System>, Error> {
    let sql = "SELECT uid, seed, label, spec, config FROM v_runs
        WHERE experiment = ? AND status = 'done' AND NOT stale ORDER BY place, spec, seed, uid";
    let mut found: Vec<(System, Value, Value)> = vec![];
    for row in rows_with(store, sql, &[experiment])?.iter() {
        let spec = row.text("spec");
        let at = found.iter().position(|(system, ..)| system.spec == spec).unwrap_or_else(|| {
            let json = |name: &str| serde_json::from_str(&row.text(name)).unwrap_or_default();
            let system = System { name: String::new(), spec: spec.clone(), runs: vec![] };
            found.push((system, json("label"), json("config")));
            found.len() - 1
        });
        found[at].0.runs.push((row.text("uid"), row.int("seed")));
    }
    let labels: Vec<String> = found.iter().map(|(_, label, _)| words(label)).collect();
    let told_apart = labels.iter().collect::<BTreeSet<_>>().len() == labels.len();
    let labelled = told_apart && labels.iter().all(|label| !label.is_empty());
    let settings: Vec<BTreeMap<String, String>> =
        found.iter().map(|(.., config)| settings_of(config)).collect();
    let name = |at: usize| match (labelled, found.len()) {
        (true, _) => labels[at].clone(),
        (false, 1) => experiment.to_owned(),
        (false, _) => differences(&settings, at),
    };
    let names: Vec<String> = (0..found.len()).map(name).collect();
    Ok(found.into_iter().zip(names).map(|((system, ..), name)| System { name, ..system }).collect())
}

/// The values of a label.
fn words(label: &Value) -> String {
    let Value::Object(label) = label else { return String::new() };
    label.values().map(lines::text).collect::<Vec<_>>().join(", ")
}

/// Every setting of a spec by its path.
fn settings_of(config: &Value) -> BTreeMap<String, String> {
    lines::of(config).into_iter().map(|line| (line.path, lines::text(line.value))).collect()
}

/// The settings in which one spec differs from others: kinds first, then as few as distinguish it.
fn differences(settings: &[BTreeMap<String, String>], at: usize) -> String {
    let varies = |path: &&String| settings.iter().any(|other| other.get(*path) != settings[at].get(*path));
    let mut paths: Vec<&String> = settings[at].keys().filter(varies).collect();
    paths.sort_by_key(|path| !path.ends_with(".kind"));
    let mut chosen: Vec<&String> = vec![];
    for path in paths {
        let same = |other: &&BTreeMap<String, String>| {
            chosen.iter().all(|path| other.get(*path) == settings[at].get(*path))
        };
        let alike = settings.iter().filter(same).collect::<Vec<_>>();
        // Skip a setting that distinguishes it from no further system.
        let useful = alike.iter().any(|other| other.get(path) != settings[at].get(path));
        if useful && chosen.len() < SETTINGS {
            chosen.push(path);
        }
    }
    let word = |path: &&String| {
        let value = &settings[at][*path];
        let short = path.trim_end_matches(".kind");
        let last = short.rsplit('.').find(|part| part.parse::<usize>().is_err()).unwrap_or(short);
        if path.ends_with(".kind") { value.clone() } else { format!("{last} {value}") }
    };
    chosen.iter().map(word).collect::<Vec<_>>().join(", ")
}

/// Tables for all worlds and data sets, and a figure of the means.
pub(super) fn report(title: &str, experiment: &str, store: &Source<'_>) -> Result<Shown, Error> {
    let systems = of(store, experiment)?;
    let sql = "SELECT DISTINCT data FROM v_results WHERE experiment = ? AND NOT stale ORDER BY data";
    let data: Vec<String> =
        rows_with(store, sql, &[experiment])?.iter().map(|row| row.text("data")).collect();
    let (mut tables, mut panels) = (vec![], vec![]);
    for data in data {
        let measured = store.on_all_parts(&data)?;
        for (world, runs) in measured::by_world(&measured) {
            let asked = Asked { world, systems: &systems, runs: &runs };
            let Some(table) = asked.table(store)? else { continue };
            panels.push(asked.panel(&table));
            tables.push(table);
        }
    }
    if tables.is_empty() {
        tables.push(nothing(experiment));
    }
    Ok(Shown {
        title: title.into(),
        tables,
        caption: "Mean macro-F1 over all tasks: a dot for each seed, and their mean".into(),
        figure: (!panels.is_empty()).then(|| boxes::draw(&panels, "mean macro-F1")),
        points: None,
    })
}

/// An empty table that names the command to fill it.
pub(super) fn nothing(experiment: &str) -> Table {
    Table {
        title: "Nothing measured yet".into(),
        stub: heads(&["system"]),
        notes: vec![format!("`dichroic exp {experiment}` would fill this.")],
        ..Table::default()
    }
}

/// The systems in one world.
struct Asked<'a> {
    world: &'a World,
    systems: &'a [System],
    runs: &'a [&'a Measured],
}

/// The name of the mean over all tasks.
const MEAN: &str = "mean";

impl<'a> Asked<'a> {
    /// The runs of a system in this world.
    fn of(&self, system: &System) -> Vec<&'a Measured> {
        let own = |one: &&&Measured| system.runs.iter().any(|(run, _)| *run == one.run);
        self.runs.iter().filter(own).copied().collect()
    }

    /// `None` if no system ran here.
    fn table(&self, store: &Source<'_>) -> Result<Option<Table>, Error> {
        let all: Vec<(&System, Vec<&Measured>)> = self
            .systems
            .iter()
            .map(|system| (system, self.of(system)))
            .filter(|(_, runs)| !runs.is_empty())
            .collect();
        let tasks = tasks(all.iter().flat_map(|(_, runs)| runs).copied());
        if all.is_empty() || tasks.is_empty() {
            return Ok(None);
        }
        let column = |task: &String| Column::of_score(&task.replace('/', " ").replace("Task_", ""), task);
        let mut columns = vec![Column::of(MEAN, MEAN)];
        columns.extend(tasks.iter().map(column));
        let score = |scores: &measured::Scores, name: &str| match name {
            MEAN => mean(tasks.iter().map(|task| scores.f1(task))),
            task => scores.f1(task),
        };
        let (mut rows, mut behind) = (vec![], vec![]);
        for (system, runs) in &all {
            let cell = |column: &Column| {
                Cell::of(&runs.iter().filter_map(|one| score(&one.scores, &column.name)).collect::<Vec<_>>())
            };
            rows.push(Row {
                stub: vec![system.name.clone(), system.spec.clone(), runs.len().to_string()],
                kind: Kind::Measured,
                cells: columns.iter().map(cell).collect(),
                note: String::new(),
            });
            behind.push((rows.len() - 1, runs.clone()));
        }
        for (floor, below) in floors(&all) {
            let cell = |column: &Column| below.cell(|scores| score(scores, &column.name));
            rows.push(Row {
                stub: vec![floor, String::new(), String::new()],
                kind: Kind::Floor,
                cells: columns.iter().map(cell).collect(),
                note: String::new(),
            });
        }
        let World { kind, world, scale, protocol, .. } = self.world;
        let mut table = Table {
            title: format!("{}: {}", self.world.data, self.world.words()),
            facts: vec![
                ("kind", kind.clone()),
                ("world", world.clone()),
                ("scale", scale.clone()),
                ("protocol", protocol.clone()),
                ("data", self.world.data.clone()),
                ("part", self.world.part.clone()),
            ],
            stub: heads(&["system", "spec", "seeds"]),
            columns,
            notes: vec![format!(
                "Macro-F1, mean ± sample standard deviation over seeds. {}",
                measured::floors_note(&rows)
            )],
            rows,
        };
        table.mark_best(0);
        let average = |name: &str| match name {
            MEAN => {
                let share = 1.0 / tasks.len() as f64;
                Some(Average {
                    name: MEAN.into(),
                    parts: tasks.iter().map(|task| (task.clone(), share)).collect(),
                })
            }
            task => Some(Average { name: task.into(), parts: vec![(task.into(), 1.0)] }),
        };
        marks::level(store, &mut table, &behind, average)?;
        table.mark_second();
        Ok(Some(table))
    }

    /// The means of a table's systems, a dot per seed.
    fn panel(&self, table: &Table) -> boxes::Panel {
        let row = |system: &System| {
            let runs = self.of(system);
            let tasks = tasks(runs.iter().copied());
            let values = runs.iter().filter_map(|one| mean(tasks.iter().map(|task| one.scores.f1(task))));
            boxes::Row { name: system.name.clone(), floor: false, values: values.collect() }
        };
        let floor = |row: &Row| boxes::Row {
            name: row.stub[0].clone(),
            floor: true,
            values: row.cells[0].value.into_iter().collect(),
        };
        let systems = self.systems.iter().map(row).filter(|row| !row.values.is_empty());
        let floors = table.rows.iter().filter(|row| row.kind == Kind::Floor).map(floor);
        boxes::Panel { heading: table.title.replace('*', ""), rows: systems.chain(floors).collect() }
    }
}

/// All tasks with a score, in the papers' order.
fn tasks<'m>(runs: impl Iterator<Item = &'m Measured>) -> Vec<String> {
    let all: BTreeSet<&String> = runs.flat_map(|one| one.scores.tasks()).collect();
    // Averages are stored as tasks too; only real tasks have their set before a slash.
    let is_task = |task: &&&String| task.contains('/') && !task.ends_with("/held_out");
    let mut all: Vec<String> = all.into_iter().filter(|task| is_task(&task)).cloned().collect();
    all.sort_by(|one, other| order(one).cmp(&order(other)));
    all
}

/// `None` if one is missing: a mean over fewer tasks is a different number.
fn mean(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let values: Vec<f64> = values.collect::<Option<_>>()?;
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The floors of the systems. The untrained network is a separate one for each system.
fn floors<'m>(all: &[(&System, Vec<&'m Measured>)]) -> Vec<(String, Below<'m>)> {
    let mut found: Vec<(String, Below<'m>)> = vec![];
    for floor in Features::FLOORS {
        for (system, runs) in all {
            let words = measured::floor_words(floor);
            let of_all = floor != Features::Untrained || all.len() == 1;
            let name = if of_all { words.into() } else { format!("{words} {}", system.name) };
            let scores = runs.iter().filter_map(|one| one.floors.get(floor.name()).map(Arc::as_ref));
            match found.iter_mut().find(|(known, _)| *known == name) {
                Some((_, below)) => below.0.extend(scores),
                None => found.push((name, Below(scores.collect()))),
            }
        }
    }
    found.retain(|(_, below)| !below.0.is_empty());
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn systems_are_called_by_what_tells_them_apart() {
        let of = |kind: &str, lr: f64, z: u32| {
            settings_of(
                &json!({ "model": { "adapter": { "kind": kind, "z": z } }, "train": { "lr": lr, "epochs": 5 } }),
            )
        };
        let settings = [of("hyper_net", 0.1, 8), of("hyper_net", 0.2, 8), of("depthwise", 0.1, 8)];
        assert_eq!(differences(&settings, 0), "hyper_net, lr 0.1");
        assert_eq!(differences(&settings, 1), "hyper_net, lr 0.2");
        assert_eq!(differences(&settings, 2), "depthwise");
        assert_eq!(words(&json!({ "adapter": "hypernet", "depth": 3 })), "hypernet, 3");
    }
}
