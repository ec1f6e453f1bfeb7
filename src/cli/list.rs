//! `list`: what can be run, and how much of it is done; `list words`: what it can be written in.

use super::{
    failure::Result,
    grid::{self, Format},
    options::StoreOption,
    output, words,
};
use crate::{
    registry::{self, Entry},
    spec::{id::SpecId, quick::quick},
    store::{Rows, Scale, Store, Value},
};
use clap::{Args, ValueEnum};
use serde_json::json;
use std::collections::BTreeSet;

/// Lists all experiments
#[derive(Args, Debug)]
pub(super) struct List {
    /// The words of the language and their switches, instead of experiments
    what: Option<What>,
    #[command(flatten)]
    store: StoreOption,
    /// Prints one JSON document
    #[arg(long)]
    json: bool,
}

/// What is listed besides experiments.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum What {
    Words,
}

/// What the store has of an experiment: (spec, seed) of every finished run.
type Finished = BTreeSet<(String, i64)>;

/// An experiment's runs, each one either done as declared, done only in the small version, or missing.
struct Progress {
    runs: usize,
    paper: usize,
    quick: usize,
}

impl List {
    pub(super) fn run(&self) -> Result {
        if let Some(What::Words) = self.what {
            return words::list(self.json);
        }
        let finished = self.finished()?;
        let entries: Vec<(&Entry, Progress)> =
            registry::entries()?.into_iter().map(|entry| (entry, progress(entry, &finished))).collect();
        if self.json {
            let one = |(entry, progress): &(&Entry, Progress)| {
                json!({
                    "experiment": entry.name, "about": entry.summary(), "file": entry.file, "runs": progress.runs,
                    "done": { "paper": progress.paper, "quick": progress.quick },
                    "missing": progress.runs - progress.paper - progress.quick,
                })
            };
            return output::say_json(&json!({ "experiments": entries.iter().map(one).collect::<Vec<_>>() }));
        }
        let row = |(entry, progress): &(&Entry, Progress)| {
            let quick = progress.quick;
            let done = match (progress.paper, quick) {
                (paper, 0) => paper.to_string(),
                (0, quick) => format!("{quick} quick"),
                (paper, quick) => format!("{paper} + {quick} quick"),
            };
            vec![
                Value::Text(entry.name.into()),
                Value::Integer(progress.runs as i64),
                Value::Text(done),
                Value::Integer((progress.runs - progress.paper - quick) as i64),
                Value::Text(entry.summary().into()),
            ]
        };
        let columns = ["experiment", "runs", "done", "missing", ""].map(String::from).into();
        output::say(&grid::write(&Rows { columns, rows: entries.iter().map(row).collect() }, Format::Table))
    }

    /// Empty before the first run.
    fn finished(&self) -> Result<Finished> {
        let path = self.store.path();
        if !path.exists() {
            return Ok(Finished::new());
        }
        let rows = Store::open_read_only(&path)?
            .query("SELECT spec, seed FROM v_runs WHERE status = 'done' AND NOT stale")?;
        let pair = |row: Vec<Value>| match row.get(1) {
            Some(Value::Integer(seed)) => Some((row[0].to_string(), *seed)),
            _ => None,
        };
        Ok(rows.rows.into_iter().filter_map(pair).collect())
    }
}

fn progress(entry: &Entry, finished: &Finished) -> Progress {
    let mut progress = Progress { runs: 0, paper: 0, quick: 0 };
    for declared in (entry.specs)() {
        let specs = [(Scale::Paper, declared.spec.clone()), (Scale::Quick, quick(&declared.spec))];
        let specs = specs.map(|(scale, spec)| (scale, SpecId::of(&spec).to_string()));
        for seed in &declared.seeds {
            progress.runs += 1;
            let done = |(_, spec): &&(Scale, String)| finished.contains(&(spec.clone(), *seed as i64));
            match specs.iter().find(done) {
                Some((Scale::Paper, _)) => progress.paper += 1,
                Some((Scale::Quick, _)) => progress.quick += 1,
                None => {}
            }
        }
    }
    progress
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;

    #[test]
    fn done_and_missing_are_counted_per_spec_and_seed() {
        fn seeds() -> Vec<crate::dsl::Declared> {
            let model = ConvNext::atto().scratch().adapter(HyperNet { z: 64, hidden: 8 });
            model.train_on(Chammi).loss(PROXY).seeds([1, 2, 3]).evaluate(OneNn::l2().on(Chammi)).specs()
        }
        let entry = Entry { name: "seeds", about: "", file: "a.rs", line: 1, specs: seeds };
        let spec = &seeds()[0].spec;
        let ids = [SpecId::of(spec), SpecId::of(&quick(spec))].map(|id| id.to_string());
        let finished = Finished::from([(ids[0].clone(), 1), (ids[1].clone(), 1), (ids[1].clone(), 3)]);
        let progress = progress(&entry, &finished);
        assert_eq!((progress.runs, progress.paper, progress.quick), (3, 1, 1));
    }
}
