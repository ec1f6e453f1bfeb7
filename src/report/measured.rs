//! The measured scores of finished runs and of their floors, read from the store.

use super::papers::PaperRow;
use super::{
    Error,
    table::{self, Cell},
};
use crate::evaluate::answered::PredictionCache;
use crate::papers::{ACCURACY, CLASS_F1, MACRO_F1, Measure, PAPERS, Paper, Placed, Published, recipes};
use crate::spec::{Features, Protocol, Spec, upgrade};
use crate::store::{Reader, Row, Rows, Value as Field};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Scores of one run, or of one of its floors, by task and, for classes, by task and class.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Scores {
    /// By metric, then by task.
    of_tasks: BTreeMap<String, BTreeMap<String, f64>>,
    /// F1 by task and class.
    pub(super) per_class: BTreeMap<(String, String), f64>,
}

/// What the numbers of one table have in common. Numbers of different simulated worlds are never averaged.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct World {
    /// `real` before `simulated`.
    pub(super) kind: String,
    /// The simulated world; empty for real data.
    pub(super) world: String,
    /// `paper` before `quick`.
    pub(super) scale: String,
    /// `one_nn_cosine`.
    pub(super) protocol: String,
    /// The data set that is scored.
    pub(super) data: String,
    /// The part of its test images, `batch=B3`; empty: all.
    pub(super) part: String,
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
    config: Option<Arc<Config>>,
    pub(super) world: World,
    pub(super) scores: Scores,
    pub(super) floors: BTreeMap<String, Arc<Scores>>,
}

impl Scores {
    /// Adds a number under its task, class and metric.
    fn add(&mut self, row: Row<'_>) {
        let Some(value) = row.real("value") else { return };
        let (task, class) = (row.text("task"), row.text("class"));
        let metric = row.text("metric");
        if class.is_empty() {
            self.of_tasks.entry(metric).or_default().insert(task, value);
        } else if metric == CLASS_F1.name {
            self.per_class.insert((task, class), value);
        }
    }

    fn extend(&mut self, other: &Self) {
        for (metric, tasks) in &other.of_tasks {
            self.of_tasks.entry(metric.clone()).or_default().extend(tasks.clone());
        }
        self.per_class.extend(other.per_class.clone());
    }

    /// The score of a task (`CP/Task_one`), the F1 of one of its classes (`CP/Task_one/DMSO`), or an average
    /// of a paper, computed from its tasks.
    pub(super) fn value(&self, metric: Measure, name: &str) -> Option<f64> {
        if let Some((at, _)) = name.match_indices('/').nth(1) {
            return self.per_class.get(&(name[..at].into(), name[at + 1..].into())).copied();
        }
        let of_task = |task: &str| self.of_task(metric, task);
        match PAPERS.iter().find_map(|paper| paper.average(name)) {
            Some(average) => average.of(of_task),
            None => of_task(name),
        }
    }

    /// The score of a task or of a stored average.
    pub(super) fn of_task(&self, metric: Measure, task: &str) -> Option<f64> {
        self.of_tasks.get(metric.name)?.get(task).copied()
    }

    /// The same as macro-F1, the metric of every task.
    pub(super) fn f1(&self, name: &str) -> Option<f64> {
        self.value(MACRO_F1, name)
    }

    /// The tasks with macro-F1.
    pub(super) fn tasks(&self) -> impl Iterator<Item = &String> {
        self.of_tasks.get(MACRO_F1.name).into_iter().flat_map(BTreeMap::keys)
    }
}

impl World {
    /// `simulated cells (world 3), quick, 1-NN cosine`; where not all images are scored, which.
    pub(super) fn words(&self) -> String {
        let data = match (self.kind.as_str(), self.world.as_str()) {
            ("simulated", "") => "*simulated* cells".into(),
            ("simulated", world) => format!("*simulated* cells (world {world})"),
            (kind, _) => format!("{kind} cells"),
        };
        let protocol = Protocol::title_of(&self.protocol);
        let part = if self.part.is_empty() { String::new() } else { format!(", {}", self.part) };
        format!("{data}, scale {}, {protocol}{part}", self.scale)
    }
}

impl World {
    /// Why published numbers must not be compared with numbers of this world.
    pub(super) fn reason_against(&self, published: &Protocol) -> Option<String> {
        if self.kind != "real" {
            return Some("the data are simulated".into());
        }
        if self.scale != "paper" {
            return Some(format!("the scale is {}", self.scale));
        }
        let published = published.name();
        let other = self.protocol != published;
        other.then(|| format!("the paper scores by {published}, not by {}", self.protocol))
    }
}

/// A resolved spec, with derived facts that are needed again and again.
#[derive(Debug)]
struct Config {
    spec: Spec,
    recipes: OnceLock<String>,
    /// By the paper's name.
    placed: Mutex<BTreeMap<&'static str, Arc<Vec<Placed>>>>,
}

impl Measured {
    /// The resolved spec, if this version can read it.
    pub(super) fn resolved(&self) -> Option<&Spec> {
        self.config.as_ref().map(|config| &config.spec)
    }

    /// How its features are made, after what is said of its world: `, 3 models as one`; empty if they are one model's.
    pub(super) fn features(&self) -> String {
        let embedding = self.resolved().map(|spec| &spec.embedding).filter(|embedding| !embedding.is_plain());
        embedding.map_or(String::new(), |embedding| format!(", {embedding}"))
    }

    /// The names of the recipes that it follows.
    pub(super) fn recipes(&self) -> &str {
        let Some(config) = &self.config else { return "" };
        config.recipes.get_or_init(|| recipes::of(&config.spec))
    }

    /// The rows of a paper's tables that it reproduces.
    pub(super) fn placed(&self, paper: &'static Paper) -> Arc<Vec<Placed>> {
        let Some(config) = &self.config else { return Arc::default() };
        let mut placed = config.placed.lock().unwrap_or_else(PoisonError::into_inner);
        placed.entry(paper.name).or_insert_with(|| Arc::new((paper.rows)(&config.spec))).clone()
    }

    /// How it reproduces a row of a table, if it does.
    pub(super) fn in_row(&self, paper: &'static Paper, table: &Published, row: &PaperRow) -> Option<Placed> {
        let placed = self.placed(paper);
        placed.iter().find(|placed| placed.table == table.table && row.has(placed)).cloned()
    }
}

/// Runs that several tables are about.
type Runs = Arc<Vec<Measured>>;

/// A store with cached queries: the tables and figures of a page are about the same runs.
pub(super) struct Source<'a> {
    store: &'a Reader,
    /// By data set, and whether only scores on all of its test images are meant.
    on: Mutex<BTreeMap<(String, bool), Runs>>,
    /// The questions of the files of predictions that were read.
    pub(super) cache: PredictionCache,
}

impl<'a> Source<'a> {
    pub(super) fn of(store: &'a Reader) -> Self {
        Self { store, on: Mutex::default(), cache: PredictionCache::default() }
    }

    /// Every finished run that has scores on all test images of the data set called `data`.
    pub(super) fn on(&self, data: &str) -> Result<Runs, Error> {
        self.cached(data, true)
    }

    /// Every finished run that has scores on the data set called `data`; those on a part of its test images are
    /// apart from those on all.
    pub(super) fn on_all_parts(&self, data: &str) -> Result<Runs, Error> {
        self.cached(data, false)
    }

    fn cached(&self, data: &str, whole: bool) -> Result<Runs, Error> {
        // A caller that asks while the same query runs waits for its result.
        let mut on = self.on.lock().unwrap_or_else(PoisonError::into_inner);
        let all = match on.get(&(data.to_owned(), false)) {
            Some(known) => known.clone(),
            None => Arc::new(measured(self.store, Which::Data(data))?),
        };
        let parts = on.entry((data.into(), false)).or_insert(all).clone();
        if !whole {
            return Ok(parts);
        }
        let of_all = || parts.iter().filter(|one| one.world.part.is_empty()).cloned().collect::<Vec<_>>();
        Ok(on.entry((data.into(), true)).or_insert_with(|| Arc::new(of_all())).clone())
    }
}

impl Deref for Source<'_> {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        self.store
    }
}

/// The same, grouped by world.
pub(super) fn by_world(measured: &[Measured]) -> BTreeMap<&World, Vec<&Measured>> {
    let mut worlds: BTreeMap<&World, Vec<&Measured>> = BTreeMap::new();
    for one in measured {
        worlds.entry(&one.world).or_default().push(one);
    }
    worlds
}

/// The scores of one run, one [`Measured`] per protocol and data set.
pub(super) fn of_run(store: &Reader, run: &str) -> Result<Vec<Measured>, Error> {
    let found = measured(store, Which::Run(run))?;
    if found.is_empty() { Err(Error::NoScores { run: run.into() }) } else { Ok(found) }
}

/// Which scores.
#[derive(Clone, Copy)]
enum Which<'a> {
    /// Those of all runs on this data set, without stale ones.
    Data(&'a str),
    /// Those of one run, stale or not.
    Run(&'a str),
}

/// The metrics that a report shows.
fn wanted() -> String {
    let published = PAPERS.iter().flat_map(|paper| paper.metrics());
    let names = [ACCURACY, MACRO_F1, CLASS_F1].into_iter().chain(published).map(|metric| metric.name);
    let names: BTreeSet<String> = names.map(|name| format!("'{name}'")).collect();
    let names = names.into_iter().collect::<Vec<_>>().join(", ");
    format!("metric IN ({names}) AND value IS NOT NULL")
}

fn measured(store: &Reader, which: Which<'_>) -> Result<Vec<Measured>, Error> {
    let (asked, fresh) = match which {
        Which::Data(data) => (data, "data = ? AND NOT stale"),
        Which::Run(run) => (run, "uid = ?"),
    };
    let configs = store.query("SELECT uid, json FROM spec")?;
    let config = |spec| Config { spec, recipes: OnceLock::new(), placed: Mutex::default() };
    let configs: BTreeMap<String, Arc<Config>> = configs
        .iter()
        .filter_map(|row| {
            let spec = upgrade(serde_json::from_str(&row.text("json")).ok()?).ok()?;
            Some((row.text("uid"), Arc::new(config(spec))))
        })
        .collect();
    let wanted = wanted();
    // A run that two experiments share has two rows; the alphabetically first name is shown.
    let sql = format!(
        "SELECT run, uid, seed, min(experiment) AS experiment, spec, scale, reads, kind, world, protocol, data, part
         FROM v_results WHERE {fresh} AND {wanted} GROUP BY run, protocol, data, part"
    );
    let mut found: BTreeMap<Key, Measured> = BTreeMap::new();
    for row in rows_with(store, &sql, &[asked])?.iter() {
        let world = World {
            kind: row.text("kind"),
            world: row.text("world"),
            scale: row.text("scale"),
            protocol: row.text("protocol"),
            data: row.text("data"),
            part: row.text("part"),
            reads: row.text("reads"),
        };
        let spec = row.text("spec");
        let one = Measured {
            run: row.text("uid"),
            seed: row.int("seed"),
            experiment: row.text("experiment"),
            config: configs.get(&spec).cloned(),
            spec,
            world,
            scores: Scores::default(),
            floors: BTreeMap::new(),
        };
        found.insert(Key::of(row), one);
    }
    let sql = format!(
        "SELECT run, protocol, data, part, task, class, metric, value FROM v_results WHERE {fresh} AND {wanted}"
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

/// The number of a run, its protocol, its data, and the part of them.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key(i64, String, String, String);

impl Key {
    fn of(row: Row<'_>) -> Self {
        Self(row.int("run"), row.text("protocol"), row.text("data"), row.text("part"))
    }
}

/// A floor, its protocol, its data, and the part of them.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct FloorKey(String, String, String, String);

/// The scores of trivial predictors belong to works that many runs share: they are queried once, and shared
/// too.
fn add_floors(store: &Reader, which: Which<'_>, found: &mut BTreeMap<Key, Measured>) -> Result<(), Error> {
    let (asked, which) = match which {
        Which::Data(data) => (data, "data = ?"),
        Which::Run(run) => (
            run,
            "work_id IN (SELECT w.work_id FROM run r JOIN run_work w ON w.run_id = r.id WHERE r.uid = ?)",
        ),
    };
    let wanted = wanted();
    let sql = format!(
        "SELECT work_id, floor, protocol, data, part, task, class, metric, value FROM floor WHERE {which} AND {wanted}"
    );
    let mut of_work: BTreeMap<i64, BTreeMap<FloorKey, Arc<Scores>>> = BTreeMap::new();
    for row in rows_with(store, &sql, &[asked])?.iter() {
        let floors = of_work.entry(row.int("work_id")).or_default();
        let key = FloorKey(row.text("floor"), row.text("protocol"), row.text("data"), row.text("part"));
        Arc::make_mut(floors.entry(key).or_default()).add(row);
    }
    let works = "SELECT run_id, work_id FROM run_work WHERE work_id IN (SELECT work_id FROM floor)";
    let mut of_run: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for row in store.query(works)?.iter() {
        of_run.entry(row.int("run_id")).or_default().push(row.int("work_id"));
    }
    for (Key(run, ..), one) in found {
        let works = || of_run.get(run).into_iter().flatten().filter_map(|work| of_work.get(work)).flatten();
        let about = |data: &String, part: &String| (&one.world.data, &one.world.part) == (data, part);
        // Of a run that is scored in several ways, each may have floors of its own.
        let exact: BTreeSet<&String> = works()
            .filter(|(FloorKey(_, protocol, data, part), _)| {
                about(data, part) && one.world.protocol == *protocol
            })
            .map(|(FloorKey(floor, ..), _)| floor)
            .collect();
        for (FloorKey(floor, protocol, data, part), scores) in works() {
            // Floors that need no features, or have their own metric, count under every protocol.
            let own = floor != Features::Untrained.name() && !exact.contains(floor);
            if about(data, part) && (own || one.world.protocol == *protocol) {
                match one.floors.get_mut(floor) {
                    Some(known) => Arc::make_mut(known).extend(scores),
                    None => drop(one.floors.insert(floor.clone(), scores.clone())),
                }
            }
        }
    }
    Ok(())
}

/// The scores of a floor of several runs.
pub(super) struct Below<'a>(pub(super) Vec<&'a Scores>);

impl Below<'_> {
    /// Mean over the runs; without a deviation if all runs agree, because then they share one number.
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
        Features::HandMadeStandardised => "hand-made features of standardised images",
        Features::Untrained | Features::Model => "untrained",
    }
}

/// What rows in italics are, as a note below a table with these rows.
pub(super) fn floors_note(rows: &[table::Row]) -> String {
    let name = floor_words(Features::HandMadeStandardised);
    let standardised = rows.iter().any(|row| row.kind == table::Kind::Floor && row.stub[0] == name);
    let how = if standardised {
        " Of a standardised image, each channel is taken less its mean and divided by its SD + 0.02."
    } else {
        ""
    };
    format!("Rows in italics are floors, which need no training.{how}")
}

/// The rows of a query with a text for each `?`.
pub(super) fn rows_with(store: &Reader, sql: &str, texts: &[&str]) -> Result<Rows, Error> {
    let values: Vec<Field> = texts.iter().map(|text| (*text).into()).collect();
    Ok(store.query_with(sql, &values)?)
}
