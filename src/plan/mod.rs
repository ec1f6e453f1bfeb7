//! A spec on given data becomes work: every default filled in, every contradiction named, nothing run.
//!
//! The id of a work says what it computes: the work itself, its seed, the data it reads, its parents and the
//! revisions of the code behind it. Equal ids are equal work, whichever run asks for it, so that one pre-training
//! serves every fine-tuning and floors are computed once.

mod work;

pub use work::{Revisions, Work};

use crate::{
    data::DataSet,
    seed::Seed,
    spec::{
        Adapter, DataRef, Features, Spec, Weights,
        check::Problem,
        id::{RunId, SpecId, WorkId},
    },
};
use std::collections::BTreeMap;

/// Everything that one run computes.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The run.
    pub run: RunId,
    /// Its spec's name.
    pub spec_id: SpecId,
    /// Its spec.
    pub spec: Spec,
    /// Its seed.
    pub seed: Seed,
    /// The fingerprints of the data sets that it reads, by name.
    pub data: BTreeMap<String, String>,
    /// Its work; parents stand before children.
    pub steps: Vec<Step>,
}

/// One unit of work.
#[derive(Clone, Debug)]
pub struct Step {
    /// What it is known by.
    pub id: WorkId,
    /// What is to be done.
    pub work: Work,
    /// The seed it draws from; none if it is the same for every seed.
    pub seed: Option<Seed>,
    /// The works whose results it uses.
    pub parents: Vec<WorkId>,
}

/// Why a spec cannot be run on the given data.
#[derive(Debug, thiserror::Error)]
#[error("this experiment cannot run on these data: {}", .0.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join("; "))]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// What to do about the first of them.
    pub fn hint(&self) -> Option<String> {
        self.0.first().map(|problem| problem.hint.to_string())
    }
}

impl Plan {
    /// The names of the data sets that a spec reads.
    pub fn data_names(spec: &Spec) -> Vec<String> {
        let mut names = vec![spec.train.data.name.clone()];
        names.extend(spec.evaluate.iter().map(|evaluate| evaluate.data.name.clone()));
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The work of one run.
    ///
    /// # Errors
    /// Everything that the data contradict, at once.
    pub fn of(spec: &Spec, seed: Seed, data: &BTreeMap<String, DataSet>) -> Result<Self, Problems> {
        let problems = contradictions(spec, data);
        if !problems.is_empty() {
            return Err(Problems(problems));
        }
        let prints: BTreeMap<String, String> = Self::data_names(spec)
            .into_iter()
            .filter_map(|name| Some((name.clone(), data.get(&name)?.fingerprint.clone())))
            .collect();
        let mut draft = Draft { steps: Vec::new(), prints: &prints };
        draft.fill(spec, seed);
        let steps = draft.steps;
        let fingerprints: Vec<&str> = prints.values().map(String::as_str).collect();
        let run = RunId::of(spec, seed, &fingerprints);
        Ok(Self { run, spec_id: SpecId::of(spec), spec: spec.clone(), seed, data: prints, steps })
    }

    /// The step of that id.
    pub fn step(&self, id: &WorkId) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == *id)
    }
}

struct Draft<'a> {
    steps: Vec<Step>,
    prints: &'a BTreeMap<String, String>,
}

impl Draft<'_> {
    fn fill(&mut self, spec: &Spec, seed: Seed) {
        let fit = self.fit(spec, seed);
        let mut untrained = spec.clone();
        untrained.model.weights = Weights::Scratch;
        untrained.train.objective.clear();
        let untrained = self.fit(&untrained.canonical(), seed);
        for evaluate in &spec.evaluate {
            for features in [Features::Model].into_iter().chain(Features::FLOORS) {
                let (parent, seed) = match features {
                    Features::Model => (Some(self.embed(&fit, &evaluate.data, spec, seed)), Some(seed)),
                    Features::Untrained => {
                        (Some(self.embed(&untrained, &evaluate.data, spec, seed)), Some(seed))
                    }
                    Features::Constant | Features::Prior | Features::HandMade => (None, None),
                };
                let work = Work::Score {
                    protocol: evaluate.protocol.clone(),
                    data: evaluate.data.clone(),
                    features,
                    hold_out: spec.train.hold_out,
                    subset: spec.train.subset,
                    revisions: Revisions::score(features),
                };
                self.add(work, seed, &[&evaluate.data], parent.into_iter().collect());
            }
        }
    }

    fn fit(&mut self, spec: &Spec, seed: Seed) -> WorkId {
        let mut parents = Vec::new();
        if spec.model.weights == Weights::SimulatedPretrain {
            let crate::spec::Backbone::ConvNext { size, .. } = spec.model.backbone;
            let work = Work::Pretrain { size, revisions: Revisions::pretrain() };
            parents.push(self.add(work, None, &[], vec![]));
        }
        let work = Work::Fit {
            model: spec.model.clone(),
            train: Box::new(spec.train.clone()),
            revisions: Revisions::fit(&spec.train),
        };
        self.add(work, Some(seed), &[&spec.train.data], parents)
    }

    fn embed(&mut self, fit: &WorkId, data: &DataRef, spec: &Spec, seed: Seed) -> WorkId {
        let (image, subset) = (spec.train.image, spec.train.subset);
        let work = Work::Embed { data: data.clone(), image, subset, revisions: Revisions::embed() };
        self.add(work, Some(seed), &[data], vec![fit.clone()])
    }

    fn add(&mut self, work: Work, seed: Option<Seed>, reads: &[&DataRef], parents: Vec<WorkId>) -> WorkId {
        let prints: Vec<&str> =
            reads.iter().filter_map(|data| Some(self.prints.get(&data.name)?.as_str())).collect();
        let id = WorkId::of(&work, seed, &prints, &parents.iter().collect::<Vec<_>>());
        if !self.steps.iter().any(|step| step.id == id) {
            self.steps.push(Step { id: id.clone(), work, seed, parents });
        }
        id
    }
}

/// What only the data can say: sets that are not there, channels that a model has no parameters for.
fn contradictions(spec: &Spec, data: &BTreeMap<String, DataSet>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut refs = vec![&spec.train.data];
    refs.extend(spec.evaluate.iter().map(|evaluate| &evaluate.data));
    refs.sort_unstable();
    refs.dedup();
    for wanted in refs {
        let missing = match data.get(&wanted.name) {
            None => Some(format!("data set `{}` is not open", wanted.name)),
            Some(set) => set.only(&wanted.sets).err().map(|error| error.to_string()),
        };
        problems.extend(missing.map(|message| Problem {
            rule: "sets_are_there",
            message,
            hint: "`dichroic data info` lists the sets of a folder".into(),
        }));
    }
    if !problems.is_empty() {
        return problems;
    }
    let Adapter::HyperNet(_) = &spec.model.adapter;
    let trained = resolve(&spec.train.data, data);
    for evaluate in &spec.evaluate {
        for set in resolve(&evaluate.data, data) {
            let known = trained.iter().find(|known| known.name == set.name);
            if evaluate.data.name != spec.train.data.name || known.is_none() {
                problems.push(Problem {
                    rule: "unseen_channels",
                    message: format!(
                        "`HyperNet` has parameters for the sets it was trained on and cannot read `{}` of `{}`",
                        set.name, evaluate.data.name
                    ),
                    hint: "train on that set too, or leave it out of `.evaluate(…)`".into(),
                });
            }
        }
    }
    problems
}

fn resolve<'a>(wanted: &DataRef, data: &'a BTreeMap<String, DataSet>) -> Vec<&'a crate::data::ImageSet> {
    data.get(&wanted.name).and_then(|set| set.only(&wanted.sets).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
