//! The predictions that runs left behind: which questions they answer, and where the files lie.

use super::sides::System;
use crate::{
    cli::failure::{Failure, Result},
    spec::{Features, Protocol},
    store::{Reader, Value},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// The trained model's own predictions.
pub(super) const MODEL: Features = Features::Model;

/// Under which protocol, on which images.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Question {
    pub(super) protocol: String,
    pub(super) data: String,
    fingerprint: String,
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
pub(super) fn of(
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
        let file = path.parent().unwrap_or(Path::new("")).join(noted);
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
