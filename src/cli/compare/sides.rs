//! The two sides of a comparison: which runs are meant, and where the predictions lie that they left behind.

use crate::{
    cli::{
        failure::{Failure, Result},
        output,
    },
    registry::closest,
    spec::{Features, Protocol},
    store::{Reader, Value},
};
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// The trained model's own predictions.
pub(super) const MODEL: Features = Features::Model;

/// The finished runs of one spec on the same data: its seeds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct System {
    /// Empty for a run that no experiment asks for.
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

/// What it is compared with.
pub(super) enum Rival {
    /// A floor under the same runs.
    Floor(Features),
    /// Other runs.
    System(System),
}

/// Under which protocol, on which images.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Question {
    pub(super) protocol: String,
    pub(super) data: String,
    fingerprint: String,
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
    /// What it is called beside `system`.
    pub(super) fn name(&self, system: &System) -> String {
        match self {
            Self::Floor(floor) => floor.name().into(),
            Self::System(other) if other.name() != system.name() => other.name(),
            Self::System(other) if other.spec != system.spec => format!("{} {}", other.name(), other.spec),
            Self::System(other) => format!("{} {}", other.name(), other.seeds()),
        }
    }
}

/// The systems that words stand for, in their order, each once.
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

/// A floor by its name, or the one system that `word` stands for.
pub(super) fn rival(store: &Reader, word: &str) -> Result<Rival> {
    if word == Features::Prior.name() {
        let failure =
            Failure::new("`prior` is a mean over random draws and has no one prediction for an image");
        return Err(failure.hint("compare with `constant`, `hand_made` or `untrained`"));
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

/// Everything that is finished under this name: of an experiment, a run, or a spec.
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
                let failure = Failure::new(format!("`{word}` is the beginning of {} ids", ids.len()));
                let ids: Vec<&str> = ids.into_iter().take(5).collect();
                return Err(failure.hint(format!("write more of it: {}", ids.join(", "))));
            }
            if !found.is_empty() {
                break;
            }
        }
    }
    if found.is_empty() {
        return Err(unknown(store, word)?);
    }
    let (all, open) =
        (found.len(), found.iter().find(|row| row.status != "done").map(|row| row.status.clone()));
    found.retain(|row| row.status == "done");
    match open {
        Some(status) if found.is_empty() => {
            let failure =
                Failure::new(format!("`{word}` has no finished run: expected `done`, found `{status}`"));
            return Err(failure
                .hint("the command that began it goes on with it; `dichroic runs` shows how far it is"));
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

/// One run as the store has it; its system has no other.
struct Found {
    uid: String,
    status: String,
    system: System,
}

/// The runs for which this holds, in the order of their declaration.
fn runs(store: &Reader, condition: &str, value: &str) -> Result<Vec<Found>> {
    // A run that two experiments share stands there twice; the alphabetically first name speaks for it.
    let sql = format!(
        "SELECT uid, status, coalesce(min(experiment), ''), coalesce(label, '{{}}'), spec, data, seed
         FROM v_runs WHERE {condition} GROUP BY uid ORDER BY place, seed, uid"
    );
    let rows = store.query_with(&sql, &[Value::Text(value.into())])?;
    let found = |row: Vec<Value>| {
        let text = |at: usize| row[at].to_string();
        let seed = if let Value::Integer(seed) = row[6] { seed } else { 0 };
        Found {
            uid: text(0),
            status: text(1),
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

/// A work that scored something, and the file it left.
struct Scored {
    work: String,
    features: String,
    question: Question,
    file: Option<String>,
}

fn scored(store: &Reader, run: &str) -> Result<Vec<Scored>> {
    let sql = "SELECT w.uid, w.json ->> '$.features', w.json -> '$.protocol', w.json ->> '$.data.name',
          (SELECT max(d.fingerprint) FROM run_data t JOIN dataset d ON d.id = t.dataset_id
           WHERE t.run_id = r.id AND d.name = w.json ->> '$.data.name'), f.path
        FROM run r JOIN run_work rw ON rw.run_id = r.id JOIN work w ON w.id = rw.work_id AND w.kind = 'score'
        LEFT JOIN artifact f ON f.work_id = w.id AND f.kind = 'predictions'
        WHERE r.uid = ? ORDER BY rw.place";
    let rows = store.query_with(sql, &[Value::Text(run.into())])?;
    let one = |row: Vec<Value>| {
        let text = |at: usize| row[at].to_string();
        // A protocol of a later program keeps the name that it has in JSON.
        let protocol =
            serde_json::from_str::<Protocol>(&text(2)).map_or_else(|_| text(2), |known| known.name());
        Scored {
            work: text(0),
            features: text(1),
            question: Question { protocol, data: text(3), fingerprint: text(4) },
            file: (row[5] != Value::Null).then(|| text(5)),
        }
    };
    Ok(rows.rows.into_iter().map(one).collect())
}

/// Everything that a system was asked.
pub(super) fn questions(store: &Reader, system: &System) -> Result<BTreeSet<Question>> {
    let works = scored(store, &system.runs[0].0)?;
    let own = works.into_iter().filter(|work| work.features == MODEL.name());
    let questions: BTreeSet<Question> = own.map(|work| work.question).collect();
    match questions.is_empty() {
        true => Err(Failure::new(format!("{} was not scored: there is nothing to compare", system.name()))),
        false => Ok(questions),
    }
}

/// The files of predictions by these features, one for each seed that has its own.
pub(super) fn files(
    store: &Reader,
    path: &Path,
    system: &System,
    features: Features,
    question: &Question,
) -> Result<Vec<PathBuf>> {
    let mut files = BTreeMap::new();
    for (run, seed) in &system.runs {
        let what = format!("{} of {} (run {run}, seed {seed})", features.name(), system.name());
        let all = scored(store, run)?;
        let Some(work) =
            all.iter().find(|work| work.features == features.name() && work.question == *question)
        else {
            return Err(other_question(&what, question, &all));
        };
        let Some(noted) = &work.file else {
            let failure = Failure::new(format!("no predictions are kept for {what}"));
            return Err(failure
                .hint("an older program scored it: repeat the experiment in a new store, --store PATH"));
        };
        let file = locate(path, &work.work, Path::new(noted));
        if !file.is_file() {
            let failure = Failure::new(format!(
                "{}: there is no such file, which had the predictions for {what}",
                file.display()
            ));
            return Err(failure.hint("the folder `<store>.d` belongs to the store: put it back beside it"));
        }
        files.insert(work.work.clone(), file);
    }
    Ok(files.into_values().collect())
}

/// Where a work's file is: beside the store, which may have been moved since its path was noted.
fn locate(store: &Path, work: &str, noted: &Path) -> PathBuf {
    let mut root = store.as_os_str().to_owned();
    root.push(".d");
    let beside = noted.file_name().map(|name| PathBuf::from(root).join("work").join(work).join(name));
    beside.filter(|file| file.is_file()).unwrap_or_else(|| noted.to_owned())
}

fn other_question(what: &str, question: &Question, all: &[Scored]) -> Failure {
    let words = |question: &Question| format!("{} on {}", question.protocol, question.data);
    let same = all.iter().any(|work| words(&work.question) == words(question));
    let asked: BTreeSet<String> = all.iter().map(|work| words(&work.question)).collect();
    let asked = asked.into_iter().collect::<Vec<_>>().join(", ");
    let failure = Failure::new(format!("there is no score of {what} by {}", words(question)));
    failure.hint(match same {
        true => "it was scored there by other features, or on other images under the same name".to_owned(),
        false => format!("it was asked {asked}"),
    })
}
