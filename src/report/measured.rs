//! What was found: the scores of finished runs and of the floors below them, asked of the store.

use super::{Error, table::Cell};
use crate::evaluate::{chammi, names};
use crate::spec::Features;
use crate::store::{Reader, Rows, Value as Field};
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Deref;
use std::rc::Rc;

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
    pub(super) floors: BTreeMap<String, Scores>,
}

impl Scores {
    fn add(&mut self, task: &str, class: &str, metric: &str, value: f64) {
        match (metric, class) {
            ("accuracy", "") => drop(self.accuracy.insert(task.into(), value)),
            ("f1_macro", "") => drop(self.f1_macro.insert(task.into(), value)),
            ("f1", class) if !class.is_empty() => {
                self.per_class.insert((task.into(), class.into()), value);
            }
            _ => {}
        }
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
        let protocol = self.protocol.replace("one_nn_", "1-NN ");
        format!("{data}, scale {}, {protocol}", self.scale)
    }
}

/// A store, and what it answered already: the tables and figures of a page are about the same runs.
pub(super) struct Source<'a> {
    store: &'a Reader,
    on: RefCell<BTreeMap<String, Rc<Vec<Measured>>>>,
}

impl<'a> Source<'a> {
    pub(super) fn of(store: &'a Reader) -> Self {
        Self { store, on: RefCell::default() }
    }

    /// Every finished run that has scores on the data set called `data`.
    pub(super) fn on(&self, data: &str) -> Result<Rc<Vec<Measured>>, Error> {
        if let Some(known) = self.on.borrow().get(data) {
            return Ok(known.clone());
        }
        let which = format!("data = '{}'", data.replace('\'', "''"));
        let found = Rc::new(measured(self.store, &which, "NOT stale")?);
        self.on.borrow_mut().insert(data.into(), found.clone());
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
    let found = measured(store, &format!("uid = '{}'", run.replace('\'', "''")), "true")?;
    if found.is_empty() { Err(Error::NoScores { run: run.into() }) } else { Ok(found) }
}

/// `fresh`: what must hold besides of numbers, but need not of the floors beside them.
fn measured(store: &Reader, which: &str, fresh: &str) -> Result<Vec<Measured>, Error> {
    let configs: BTreeMap<String, Value> = rows(store, "SELECT uid, json FROM spec")?
        .filter_map(|row| Some((row.text("uid"), serde_json::from_str(&row.text("json")).ok()?)))
        .collect();
    let numbers = "class, metric, value FROM";
    let wanted = "part = '' AND metric IN ('accuracy', 'f1_macro', 'f1') AND value IS NOT NULL";
    let mut found: BTreeMap<(World, String), Measured> = BTreeMap::new();
    // A run that two experiments share stands there twice; the alphabetically first name speaks for it.
    let sql = format!(
        "SELECT uid, seed, min(experiment) AS experiment, spec, scale, reads, kind, world, protocol, data, task, {numbers} v_results
         WHERE {which} AND {fresh} AND {wanted} GROUP BY uid, protocol, data, task, class, metric"
    );
    for row in rows(store, &sql)? {
        let world = World {
            kind: row.text("kind"),
            world: row.text("world"),
            scale: row.text("scale"),
            protocol: row.text("protocol"),
            data: row.text("data"),
            reads: row.text("reads"),
        };
        let run = row.text("uid");
        let entry = found.entry((world.clone(), run.clone())).or_insert_with(|| Measured {
            run,
            seed: row.real("seed") as i64,
            experiment: row.text("experiment"),
            config: configs.get(&row.text("spec")).cloned().unwrap_or_default(),
            spec: row.text("spec"),
            world,
            scores: Scores::default(),
            floors: BTreeMap::new(),
        });
        entry.scores.add(&row.text("task"), &row.text("class"), &row.text("metric"), row.real("value"));
    }
    let mut found: Vec<Measured> = found.into_values().collect();
    let mut of_run: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, one) in found.iter().enumerate() {
        of_run.entry(one.run.clone()).or_default().push(at);
    }
    let sql = format!(
        "SELECT DISTINCT uid, floor, protocol, data, task, {numbers} v_floors WHERE {which} AND {wanted}"
    );
    for row in rows(store, &sql)? {
        let (run, data, protocol, floor) =
            (row.text("uid"), row.text("data"), row.text("protocol"), row.text("floor"));
        // The floors that need no features, or bring their own metric, stand under every protocol.
        let own = floor != "untrained";
        for at in of_run.get(&run).into_iter().flatten() {
            let one = &mut found[*at];
            if one.world.data != data || !(own || one.world.protocol == protocol) {
                continue;
            }
            let scores = one.floors.entry(floor.clone()).or_default();
            scores.add(&row.text("task"), &row.text("class"), &row.text("metric"), row.real("value"));
        }
    }
    Ok(found)
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

/// A row of an answer, asked by the names of its columns.
pub(super) struct Named {
    columns: Rc<Vec<String>>,
    fields: Vec<Field>,
}

/// The answer to a question.
pub(super) fn rows(store: &Reader, sql: &str) -> Result<impl Iterator<Item = Named>, Error> {
    rows_with(store, sql, &[])
}

/// The answer to a question with a text for each `?`.
pub(super) fn rows_with(
    store: &Reader,
    sql: &str,
    texts: &[&str],
) -> Result<impl Iterator<Item = Named> + use<>, Error> {
    let values: Vec<Field> = texts.iter().map(|text| Field::Text((*text).into())).collect();
    let Rows { columns, rows } = store.query_with(sql, &values)?;
    let columns = Rc::new(columns);
    Ok(rows.into_iter().map(move |fields| Named { columns: columns.clone(), fields }))
}

impl Named {
    fn field(&self, name: &str) -> &Field {
        let at = self.columns.iter().position(|column| column == name);
        at.map_or(&Field::Null, |at| &self.fields[at])
    }

    pub(super) fn text(&self, name: &str) -> String {
        self.field(name).to_string()
    }

    /// A number; NaN for nothing.
    pub(super) fn real(&self, name: &str) -> f64 {
        match self.field(name) {
            Field::Real(value) => *value,
            Field::Integer(value) => *value as f64,
            _ => f64::NAN,
        }
    }
}
