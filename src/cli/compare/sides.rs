//! The two sides of a comparison: resolves names to runs.

use crate::{
    cli::{
        failure::{Failure, Result},
        output,
    },
    spec::Features,
    spelling::closest,
    store::{Reader, Value},
};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// The finished runs of one spec on the same data: its seeds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct System {
    /// Empty for a run without an experiment.
    experiment: String,
    /// Axis and value, as in `adapter=hyper_net`; mostly empty.
    label: String,
    /// The spec's id.
    pub(super) spec: String,
    /// All data that it reads, with fingerprints.
    reads: String,
    /// Id and seed of each run.
    pub(super) runs: Vec<(String, i64)>,
}

/// The other side.
pub(super) enum Rival {
    /// A floor under the same runs.
    Floor(Features),
    /// Other runs.
    System(System),
}

impl System {
    /// `real_cells`, `grid adapter=hyper_net`, or the spec's id.
    pub(super) fn name(&self) -> String {
        match (self.experiment.as_str(), self.label.as_str()) {
            ("", _) => self.spec.clone(),
            (experiment, "") => experiment.into(),
            (experiment, label) => format!("{experiment} {label}"),
        }
    }

    /// `seed 0`, `3 seeds`.
    pub(super) fn seeds(&self) -> String {
        match &self.runs[..] {
            [(_, seed)] => format!("seed {seed}"),
            runs => format!("{} seeds", runs.len()),
        }
    }

    pub(super) fn json(&self) -> serde_json::Value {
        let runs: Vec<_> = self.runs.iter().map(|(run, seed)| json!({ "run": run, "seed": seed })).collect();
        json!({ "name": self.name(), "experiment": self.experiment, "label": self.label, "spec": self.spec, "runs": runs })
    }
}

impl Rival {
    /// Its name next to `system`.
    pub(super) fn name(&self, system: &System) -> String {
        match self {
            Self::Floor(floor) => floor.name().into(),
            Self::System(other) if other.name() != system.name() => other.name(),
            Self::System(other) if other.spec != system.spec => format!("{} {}", other.name(), other.spec),
            Self::System(other) => format!("{} {}", other.name(), other.seeds()),
        }
    }
}

/// The systems that these words select, in order, each once.
pub(super) fn systems(store: &Reader, words: &[String]) -> Result<Vec<System>> {
    let mut systems: Vec<System> = vec![];
    for word in words {
        for found in named(store, word)? {
            match systems.iter_mut().find(|known| (&known.spec, &known.reads) == (&found.spec, &found.reads))
            {
                Some(known) => {
                    known.runs.extend(found.runs);
                    known.runs.sort_by_key(|(_, seed)| *seed);
                    known.runs.dedup();
                }
                None => systems.push(found),
            }
        }
    }
    Ok(systems)
}

/// A floor by its name, or the single system that `word` selects.
pub(super) fn rival(store: &Reader, word: &str) -> Result<Rival> {
    if word == Features::Prior.name() {
        let failure =
            Failure::new("`prior` is a mean over random draws and has no single prediction per image");
        return Err(
            failure.hint("compare with `constant`, `hand_made`, `hand_made_standardised` or `untrained`")
        );
    }
    if let Some(floor) = Features::FLOORS.into_iter().find(|floor| floor.name() == word) {
        return Ok(Rival::Floor(floor));
    }
    let mut systems = named(store, word)?;
    match (systems.pop(), systems.len()) {
        (Some(system), 0) => Ok(Rival::System(system)),
        (last, _) => {
            let all: Vec<String> =
                systems.iter().chain(&last).map(|one| format!("{} ({})", one.spec, one.name())).collect();
            let failure = Failure::new(format!("--with {word}: expected one system, found {}", all.len()));
            Err(failure.hint(format!("name one by its spec: {}", all.join(", "))))
        }
    }
}

/// Everything finished under this name: of an experiment, a run, or a spec.
fn named(store: &Reader, word: &str) -> Result<Vec<System>> {
    let mut found = runs(store, "experiment = ?", word)?;
    let id = word.to_lowercase();
    if found.is_empty() && !id.is_empty() && id.chars().all(|c| c.is_ascii_hexdigit()) {
        for column in ["uid", "spec"] {
            found = runs(store, &format!("{column} GLOB ?"), &format!("{id}*"))?;
            let ids: BTreeSet<&str> = found
                .iter()
                .map(|row| if column == "uid" { row.uid.as_str() } else { &row.system.spec })
                .collect();
            if ids.len() > 1 {
                let failure = Failure::new(format!("`{word}` is a prefix of {} ids", ids.len()));
                let ids: Vec<&str> = ids.into_iter().take(5).collect();
                return Err(failure.hint(format!("use a longer prefix: {}", ids.join(", "))));
            }
            if !found.is_empty() {
                break;
            }
        }
    }
    if found.is_empty() {
        return Err(unknown(store, word)?);
    }
    let stale = found.iter().filter(|row| row.stale).count();
    if stale > 0 && stale < found.len() {
        output::warn(&format!("{stale} runs of `{word}` are stale and were left out"));
        found.retain(|row| !row.stale);
    }
    let (all, open) =
        (found.len(), found.iter().find(|row| row.status != "done").map(|row| row.status.clone()));
    found.retain(|row| row.status == "done");
    match open {
        Some(status) if found.is_empty() => {
            let failure =
                Failure::new(format!("`{word}` has no finished run: expected `done`, found `{status}`"));
            return Err(
                failure.hint("the command that started it resumes it; `dichroic runs` shows its progress")
            );
        }
        Some(_) => output::warn(&format!(
            "{} of {all} runs of `{word}` are finished; only these are compared",
            found.len()
        )),
        None => {}
    }
    let mut systems: Vec<System> = vec![];
    for Found { system, .. } in found {
        match systems.iter_mut().find(|known| (&known.spec, &known.reads) == (&system.spec, &system.reads)) {
            Some(known) => known.runs.extend(system.runs),
            None => systems.push(system),
        }
    }
    Ok(systems)
}

/// One stored run as a system.
struct Found {
    uid: String,
    status: String,
    stale: bool,
    system: System,
}

/// The runs that match, in the order of declaration.
fn runs(store: &Reader, condition: &str, value: &str) -> Result<Vec<Found>> {
    // A run shared by two experiments has two rows; the alphabetically first name is used.
    let sql = format!(
        "SELECT uid, status, coalesce(min(experiment), ''), coalesce(label, '{{}}'), spec, data, seed, stale
         FROM v_runs WHERE {condition} GROUP BY uid ORDER BY place, seed, uid"
    );
    let rows = store.query_with(&sql, &[Value::Text(value.into())])?;
    let found = |row: Vec<Value>| {
        let text = |at: usize| row[at].to_string();
        let seed = if let Value::Integer(seed) = row[6] { seed } else { 0 };
        Found {
            uid: text(0),
            status: text(1),
            stale: row[7] == Value::Integer(1),
            system: System {
                experiment: text(2),
                label: label(&text(3)),
                spec: text(4),
                reads: text(5),
                runs: vec![(text(0), seed)],
            },
        }
    };
    Ok(rows.rows.into_iter().map(found).collect())
}

/// `{"adapter":"hyper_net"}` as `adapter=hyper_net`.
fn label(json: &str) -> String {
    let axes: BTreeMap<String, serde_json::Value> = serde_json::from_str(json).unwrap_or_default();
    let axis = |(axis, value): (&String, &serde_json::Value)| match value.as_str() {
        Some(value) => format!("{axis}={value}"),
        None => format!("{axis}={value}"),
    };
    axes.iter().map(axis).collect::<Vec<_>>().join(" ")
}

fn unknown(store: &Reader, word: &str) -> Result<Failure> {
    let names = store.query("SELECT name FROM experiment ORDER BY name")?;
    let names: Vec<String> = names.rows.iter().map(|row| row[0].to_string()).collect();
    let failure = Failure::new(format!("the store has neither an experiment nor a run `{word}`"));
    Ok(match closest(word, names.iter().map(String::as_str)) {
        Some(name) => failure.hint(format!("did you mean `{name}`?")),
        None => failure.hint("`dichroic runs` shows what is stored"),
    })
}
