//! The predictions that runs stored: which questions (protocol and images) they answer, and the predictions
//! themselves.

use super::Error;
use crate::{
    evaluate::{
        self,
        answered::{Answered, PredictionCache},
        bootstrap::Seeds,
        predictions,
    },
    spec::{Features, Protocol, Selection, kind::SCORE},
    store::{self, Reader, Value},
};
use rayon::prelude::*;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

/// A protocol and the images that it scores.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Question {
    /// `one_nn_cosine`.
    pub protocol: String,
    /// The data set.
    pub data: String,
    /// The part of its test images, as in scores; empty: all.
    pub part: String,
    fingerprint: String,
}

impl Question {
    fn words(&self) -> String {
        format!("{} on {}", self.protocol, self.images())
    }

    /// The images that it is about, in words: `jump`, or `jump having batch=B3`.
    pub fn images(&self) -> String {
        store::images(&self.data, &self.part)
    }
}

/// The predictions of one side of a comparison, a list per seed.
pub struct Answers {
    seeds: Vec<i64>,
    /// Whether the predictions are the same for every seed: a floor without training.
    fixed: bool,
    files: Vec<Vec<Answered>>,
}

impl Answers {
    /// The predictions, one list per seed.
    pub fn lists(&self) -> Vec<&[Answered]> {
        self.files.iter().map(Vec::as_slice).collect()
    }

    /// How the seeds of the two sides are paired.
    pub fn seeds_beside(&self, other: &Self) -> Seeds {
        match other {
            other if other.fixed => Seeds::AgainstOne,
            other if other.seeds == self.seeds => Seeds::InPairs,
            _ => Seeds::Apart,
        }
    }
}

/// A unit of work that scored something, and its file of predictions.
struct Scored {
    work: String,
    features: String,
    question: Question,
    file: Option<String>,
}

fn scored(store: &Reader, run: &str) -> Result<Vec<Scored>, Error> {
    let sql = format!(
        "SELECT w.uid, w.json ->> '$.features', w.json -> '$.protocol', w.json ->> '$.data.name',
          (SELECT max(d.fingerprint) FROM run_data t JOIN dataset d ON d.id = t.dataset_id
           WHERE t.run_id = r.id AND d.name = w.json ->> '$.data.name'), f.path, w.json -> '$.data.only',
          w.json -> '$.adapted_to'
         FROM run r JOIN run_work rw ON rw.run_id = r.id JOIN work w ON w.id = rw.work_id AND w.kind = '{SCORE}'
        LEFT JOIN artifact f ON f.work_id = w.id AND f.kind = 'predictions'
        WHERE r.uid = ? ORDER BY rw.place"
    );
    let rows = store.query_with(&sql, &[Value::Text(run.into())])?;
    let one = |row: Vec<Value>| {
        let text = |at: usize| row[at].to_string();
        // A protocol that only a later program knows keeps its name in JSON.
        let protocol =
            serde_json::from_str::<Protocol>(&text(2)).map_or_else(|_| text(2), |known| known.name());
        Scored {
            work: text(0),
            features: text(1),
            question: Question {
                protocol,
                data: text(3),
                part: part(text(6), &text(7)),
                fingerprint: text(4),
            },
            file: (row[5] != Value::Null).then(|| text(5)),
        }
    };
    Ok(rows.rows.into_iter().map(one).collect())
}

/// The part of the test images that conditions in a work's JSON are about. One that only a later program can read is still
/// told apart from others.
fn part(only: String, adapted_to: &str) -> String {
    let read = match only.as_str() {
        "" => Ok(vec![]),
        only => serde_json::from_str(only),
    };
    let adapted_to = match adapted_to {
        "" => Ok(None),
        part => serde_json::from_str(part),
    };
    match (read, adapted_to) {
        (Ok(only), Ok(adapted_to)) => {
            Selection { only, ..Selection::new("", &[]) }.part_by(Option::as_ref(&adapted_to))
        }
        _ => only,
    }
}

/// The questions that a run was scored on.
///
/// # Errors
/// If the store cannot be read.
pub fn questions(store: &Reader, run: &str) -> Result<BTreeSet<Question>, Error> {
    let own = scored(store, run)?.into_iter().filter(|work| work.features == Features::Model.name());
    Ok(own.map(|work| work.question).collect())
}

/// Reads what `features` of these runs (id and seed) of the system called `name` predicted. Questions are
/// shared through `cache`.
///
/// # Errors
/// If a run was not scored on the question, or its predictions are missing.
pub fn read(
    store: &Reader,
    cache: &PredictionCache,
    name: &str,
    runs: &[(String, i64)],
    features: Features,
    question: &Question,
) -> Result<Answers, Error> {
    let mut files: BTreeMap<i64, Vec<(String, PathBuf)>> = BTreeMap::new();
    for (run, seed) in runs {
        let what = format!("{} of {name} (run {run}, seed {seed})", features.name());
        let all = scored(store, run)?;
        // Sets of one data set may have been scored one by one.
        let asked: Vec<&Scored> = all
            .iter()
            .filter(|work| work.features == features.name() && work.question == *question)
            .collect();
        if asked.is_empty() {
            return Err(other_question(what, features, question, &all));
        }
        for work in asked {
            let file = work.file.as_ref().map(|noted| store.file(noted)).transpose()?;
            let file = file.ok_or_else(|| Error::NotKept { what: what.clone() })?;
            if !file.is_file() {
                return Err(Error::Gone { path: file, what });
            }
            files.entry(*seed).or_default().push((work.work.clone(), file));
        }
    }
    let fixed = match features {
        Features::Constant | Features::HandMade | Features::HandMadeStandardised => true,
        Features::Model | Features::Prior | Features::Untrained => false,
    };
    // A floor that does not depend on the seed is stored once for all of them; on data that differ by seed it
    // is not.
    let mut seen = BTreeSet::new();
    files.retain(|_, works| seen.insert(works.iter().map(|(work, _)| work.clone()).collect::<Vec<String>>()));
    let paths: Vec<&Vec<(String, PathBuf)>> = files.values().collect();
    Ok(Answers {
        seeds: files.keys().copied().collect(),
        fixed: fixed && files.len() == 1,
        files: paths
            .into_par_iter()
            .map(|works| all_tasks(works, &question.fingerprint, cache))
            .collect::<Result<_, _>>()?,
    })
}

/// The predictions of several works, each task once.
fn all_tasks(
    works: &[(String, PathBuf)],
    data: &str,
    cache: &PredictionCache,
) -> Result<Vec<Answered>, evaluate::Error> {
    let mut all: Vec<Answered> = Vec::new();
    for (_, file) in works {
        let new = predictions::read(file, data, cache)?.into_iter();
        let new: Vec<Answered> =
            new.filter(|one| all.iter().all(|known| known.asked.task != one.asked.task)).collect();
        all.extend(new);
    }
    Ok(all)
}

fn other_question(what: String, features: Features, question: &Question, all: &[Scored]) -> Error {
    let there: Vec<&Scored> = all.iter().filter(|work| work.question.words() == question.words()).collect();
    let asked: BTreeSet<String> = all.iter().map(|work| work.question.words()).collect();
    let asked = asked.into_iter().collect::<Vec<_>>().join(", ");
    Error::NotAsked {
        what,
        question: question.words(),
        hint: if there.is_empty() {
            format!("it was scored on {asked}")
        } else if there.iter().any(|work| work.features == features.name()) {
            "other images have the same name".into()
        } else {
            "other features were scored there; `exp` with the same experiment computes what is missing".into()
        },
    }
}
