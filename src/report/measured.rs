//! What was found: the scores of finished runs and of the floors below them, asked of the store.

use super::{Error, table::Cell};
use crate::evaluate::{answered::Shelf, chammi, names};
use crate::spec::{Features, Protocol};
use crate::store::{Reader, Row, Rows, Value as Field};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

/// Scores of one run, or of one floor beside it, by task and, for classes, by task and class.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Scores {
    pub(super) accuracy: BTreeMap<String, f64>,
    pub(super) f1_macro: BTreeMap<String, f64>,
    pub(super) per_class: BTreeMap<(String, String), f64>,
}

/// What the numbers of one table have in common. Numbers of different worlds are never averaged.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct World {
    /// `real` before `simulated`.
    pub(super) kind: String,
    /// Which simulator's.
    pub(super) world: String,
    /// `paper` before `quick`.
    pub(super) scale: String,
    /// `one_nn_cosine`.
    pub(super) protocol: String,
    /// The data set that is scored.
    pub(super) data: String,
    /// All data that the run reads, with fingerprints.
    pub(super) reads: String,
}

/// One finished run under one protocol on one data set.
#[derive(Clone, Debug)]
pub(super) struct Measured {
    pub(super) run: String,
    pub(super) seed: i64,
    pub(super) experiment: String,
    pub(super) spec: String,
    pub(super) config: Value,
    pub(super) world: World,
    pub(super) scores: Scores,
    pub(super) floors: BTreeMap<String, Arc<Scores>>,
}

impl Scores {
    /// Adds a number by its task, class and metric.
    fn add(&mut self, row: Row<'_>) {
        let Some(value) = row.real("value") else { return };
        let (task, class) = (row.text("task"), row.text("class"));
        match (row.text("metric").as_str(), class.is_empty()) {
            ("accuracy", true) => drop(self.accuracy.insert(task, value)),
            ("f1_macro", true) => drop(self.f1_macro.insert(task, value)),
            ("f1", false) => drop(self.per_class.insert((task, class), value)),
            _ => {}
        }
    }

    fn extend(&mut self, other: &Self) {
        self.accuracy.extend(other.accuracy.clone());
        self.f1_macro.extend(other.f1_macro.clone());
        self.per_class.extend(other.per_class.clone());
    }

    /// Macro-F1 of a task (`CP/Task_one`), F1 of a class of it (`CP/Task_one/DMSO`), or an average of the paper reckoned
    /// from its tasks.
    pub(super) fn f1(&self, name: &str) -> Option<f64> {
        if let Some((at, _)) = name.match_indices('/').nth(1) {
            return self.per_class.get(&(name[..at].into(), name[at + 1..].into())).copied();
        }
        if names::AVERAGES.iter().any(|average| average.name == name) {
            return chammi::average(name, |task| self.f1_macro.get(task).copied());
        }
        self.f1_macro.get(name).copied()
    }
}

impl World {
    /// `simulated cells (world 3), quick, 1-NN cosine`.
    pub(super) fn words(&self) -> String {
        let data = match (self.kind.as_str(), self.world.as_str()) {
            ("simulated", "") => "*simulated* cells".into(),
            ("simulated", world) => format!("*simulated* cells (world {world})"),
            (kind, _) => format!("{kind} cells"),
        };
        let protocol = Protocol::title_of(&self.protocol);
        format!("{data}, scale {}, {protocol}", self.scale)
    }
}

/// A store, and what it answered already: the tables and figures of a page are about the same runs.
pub(super) struct Source<'a> {
    store: &'a Reader,
    on: Mutex<BTreeMap<String, Arc<Vec<Measured>>>>,
    /// What its files of predictions are about.
    pub(super) shelf: Shelf,
}

impl<'a> Source<'a> {
    pub(super) fn of(store: &'a Reader) -> Self {
        Self { store, on: Mutex::default(), shelf: Shelf::default() }
    }

    /// Every finished run that has scores on the data set called `data`.
    pub(super) fn on(&self, data: &str) -> Result<Arc<Vec<Measured>>, Error> {
        // Whoever asks while another is asking waits for his answer.
        let mut on = self.on.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = on.get(data) {
            return Ok(known.clone());
        }
        let found = Arc::new(measured(self.store, Which::Data(data))?);
        on.insert(data.into(), found.clone());
        Ok(found)
    }
}

impl Deref for Source<'_> {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        self.store
    }
}

/// The same, each world on its own.
pub(super) fn by_world(measured: &[Measured]) -> BTreeMap<&World, Vec<&Measured>> {
    let mut worlds: BTreeMap<&World, Vec<&Measured>> = BTreeMap::new();
    for one in measured {
        worlds.entry(&one.world).or_default().push(one);
    }
    worlds
}

/// The scores of one run, a [`Measured`] for each protocol and data set.
pub(super) fn of_run(store: &Reader, run: &str) -> Result<Vec<Measured>, Error> {
    let found = measured(store, Which::Run(run))?;
    if found.is_empty() { Err(Error::NoScores { run: run.into() }) } else { Ok(found) }
}

/// Whose scores.
#[derive(Clone, Copy)]
enum Which<'a> {
    /// All runs' on this data set, without numbers that are stale.
    Data(&'a str),
    /// Those of one run, as they are.
    Run(&'a str),
}

/// The metrics of whole data sets that a report shows.
const WANTED: &str = "part = '' AND metric IN ('accuracy', 'f1_macro', 'f1') AND value IS NOT NULL";

fn measured(store: &Reader, which: Which<'_>) -> Result<Vec<Measured>, Error> {
    let (asked, fresh) = match which {
        Which::Data(data) => (data, "data = ? AND NOT stale"),
        Which::Run(run) => (run, "uid = ?"),
    };
    let configs = store.query("SELECT uid, json FROM spec")?;
    let configs: BTreeMap<String, Value> = configs
        .iter()
        .filter_map(|row| Some((row.text("uid"), serde_json::from_str(&row.text("json")).ok()?)))
        .collect();
    // A run that two experiments share stands there twice; the alphabetically first name speaks for it.
    let sql = format!(
        "SELECT run, uid, seed, min(experiment) AS experiment, spec, scale, reads, kind, world, protocol, data
         FROM v_results WHERE {fresh} AND {WANTED} GROUP BY run, protocol, data"
    );
    let mut found: BTreeMap<Key, Measured> = BTreeMap::new();
    for row in rows_with(store, &sql, &[asked])?.iter() {
        let world = World {
            kind: row.text("kind"),
            world: row.text("world"),
            scale: row.text("scale"),
            protocol: row.text("protocol"),
            data: row.text("data"),
            reads: row.text("reads"),
        };
        let spec = row.text("spec");
        let one = Measured {
            run: row.text("uid"),
            seed: row.int("seed"),
            experiment: row.text("experiment"),
            config: configs.get(&spec).cloned().unwrap_or_default(),
            spec,
            world,
            scores: Scores::default(),
            floors: BTreeMap::new(),
        };
        found.insert(Key::of(row), one);
    }
    let sql = format!(
        "SELECT run, protocol, data, task, class, metric, value FROM v_results WHERE {fresh} AND {WANTED}"
    );
    for row in rows_with(store, &sql, &[asked])?.iter() {
        if let Some(one) = found.get_mut(&Key::of(row)) {
            one.scores.add(row);
        }
    }
    add_floors(store, which, &mut found)?;
    let mut found: Vec<Measured> = found.into_values().collect();
    found.sort_by(|a, b| (&a.world, &a.run).cmp(&(&b.world, &b.run)));
    Ok(found)
}

/// The number of a run, its protocol and its data.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key(i64, String, String);

impl Key {
    fn of(row: Row<'_>) -> Self {
        Self(row.int("run"), row.text("protocol"), row.text("data"))
    }
}

/// A floor, its protocol and its data.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct FloorKey(String, String, String);

/// The scores of trivial predictors belong to works that many runs share: they are asked once, and shared too.
fn add_floors(store: &Reader, which: Which<'_>, found: &mut BTreeMap<Key, Measured>) -> Result<(), Error> {
    let (asked, which) = match which {
        Which::Data(data) => (data, "data = ?"),
        Which::Run(run) => (
            run,
            "work_id IN (SELECT w.work_id FROM run r JOIN run_work w ON w.run_id = r.id WHERE r.uid = ?)",
        ),
    };
    let sql = format!(
        "SELECT work_id, floor, protocol, data, task, class, metric, value FROM floor WHERE {which} AND {WANTED}"
    );
    let mut of_work: BTreeMap<i64, BTreeMap<FloorKey, Arc<Scores>>> = BTreeMap::new();
    for row in rows_with(store, &sql, &[asked])?.iter() {
        let floors = of_work.entry(row.int("work_id")).or_default();
        let key = FloorKey(row.text("floor"), row.text("protocol"), row.text("data"));
        Arc::make_mut(floors.entry(key).or_default()).add(row);
    }
    let works = "SELECT run_id, work_id FROM run_work WHERE work_id IN (SELECT work_id FROM floor)";
    let mut of_run: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for row in store.query(works)?.iter() {
        of_run.entry(row.int("run_id")).or_default().push(row.int("work_id"));
    }
    for (Key(run, ..), one) in found {
        let works = of_run.get(run).into_iter().flatten();
        for (FloorKey(floor, protocol, data), scores) in works.filter_map(|work| of_work.get(work)).flatten()
        {
            // The floors that need no features, or bring their own metric, stand under every protocol.
            let own = floor != Features::Untrained.name();
            if one.world.data == *data && (own || one.world.protocol == *protocol) {
                match one.floors.get_mut(floor) {
                    Some(known) => Arc::make_mut(known).extend(scores),
                    None => drop(one.floors.insert(floor.clone(), scores.clone())),
                }
            }
        }
    }
    Ok(())
}

/// Scores beside several runs.
pub(super) struct Below<'a>(pub(super) Vec<&'a Scores>);

impl Below<'_> {
    /// Mean over the runs; without a deviation where all runs agree, because then it is one number.
    pub(super) fn cell(&self, value: impl Fn(&Scores) -> Option<f64>) -> Cell {
        let mut values: Vec<f64> = self.0.iter().filter_map(|scores| value(scores)).collect();
        if values.windows(2).all(|pair| pair[0] == pair[1]) {
            values.truncate(1);
        }
        Cell::of(&values)
    }
}

/// What a floor is called.
pub(super) fn floor_words(floor: Features) -> &'static str {
    match floor {
        Features::Constant => "constant guess",
        Features::Prior => "training prior",
        Features::HandMade => "hand-made features",
        Features::Untrained | Features::Model => "untrained",
    }
}

/// The answer to a question with a text for each `?`.
pub(super) fn rows_with(store: &Reader, sql: &str, texts: &[&str]) -> Result<Rows, Error> {
    let values: Vec<Field> = texts.iter().map(|text| (*text).into()).collect();
    Ok(store.query_with(sql, &values)?)
}
