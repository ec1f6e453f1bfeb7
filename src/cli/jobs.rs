//! From names on the command line to runs that can be planned.

use super::{
    failure::{Context, Failure, Result},
    locate,
    options::SpecOptions,
};
use crate::{
    data::DataSet,
    dsl::Declared,
    plan::Plan,
    registry::{self, Entry},
    seed::Seed,
    spec::{Spec, check::Problem},
    store::{ExperimentRow, Scale},
};
use std::collections::{BTreeMap, BTreeSet};

/// One sentence of an experiment.
pub(super) struct Sentence {
    pub(super) entry: &'static Entry,
    /// Which of the experiment's sentences, from 0.
    pub(super) place: u32,
    pub(super) declared: Declared,
}

/// One run to be.
pub(super) struct Job {
    pub(super) sentence: usize,
    pub(super) scale: Scale,
    pub(super) plan: Plan,
}

impl Sentence {
    /// What the store keeps of the experiment.
    pub(super) fn row(&self) -> ExperimentRow {
        ExperimentRow {
            name: self.entry.name.into(),
            about: self.entry.summary().into(),
            file: self.entry.file.into(),
        }
    }

    /// The spec that is meant, which holds every rule.
    ///
    /// # Errors
    /// If a value cannot be set, or the result breaks a rule.
    pub(super) fn spec(&self, options: &SpecOptions, scale: Scale) -> Result<Spec> {
        let spec = options.apply(&self.declared.spec, scale)?;
        refuse(self.entry.name, &spec.check())?;
        Ok(spec)
    }
}

/// The sentences of the experiments of these names, each once, in the order in which they are named.
///
/// # Errors
/// If there is no such experiment, or one breaks a rule as it is declared.
pub(super) fn sentences(names: &[String]) -> Result<Vec<Sentence>> {
    let mut known = BTreeSet::new();
    let mut sentences = vec![];
    for name in names {
        for entry in registry::find(name)? {
            if !known.insert(entry.name) {
                continue;
            }
            for (place, declared) in (0..).zip((entry.specs)()) {
                refuse(entry.name, &declared.check())?;
                sentences.push(Sentence { entry, place, declared });
            }
        }
    }
    Ok(sentences)
}

/// The names of the data sets that they read, sorted.
pub(super) fn data_names(sentences: &[Sentence]) -> Vec<String> {
    let names = sentences.iter().flat_map(|sentence| Plan::data_names(&sentence.declared.spec));
    names.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Every run of these sentences, planned on the data.
///
/// # Errors
/// If a spec cannot be run on them.
pub(super) fn plan(
    sentences: &[Sentence],
    options: &SpecOptions,
    data: &BTreeMap<String, DataSet>,
) -> Result<Vec<Job>> {
    let mut jobs = vec![];
    for (number, sentence) in sentences.iter().enumerate() {
        let simulated = locate::any_simulated(data, &Plan::data_names(&sentence.declared.spec));
        let scale = options.scale(simulated);
        let spec = sentence.spec(options, scale)?;
        for seed in options.seeds(&sentence.declared.seeds) {
            let plan = Plan::of(&spec, Seed(seed), data).at(sentence.entry.name)?;
            jobs.push(Job { sentence: number, scale, plan });
        }
    }
    Ok(jobs)
}

fn refuse(name: &str, problems: &[Problem]) -> Result {
    let Some(first) = problems.first() else { return Ok(()) };
    let messages: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
    Err(Failure::new(format!("{name}: {}", messages.join("; "))).hint(&first.hint))
}
