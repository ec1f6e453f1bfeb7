//! A spec on given data becomes work: every default filled in, every contradiction named, nothing run.
//!
//! The id of a work says what it computes: the work itself, its seed, the data it reads, its parents and the
//! revisions of the code behind it. Equal ids are equal work, whichever run asks for it, so that one pre-training
//! serves every fine-tuning and floors are computed once.

mod adapted;
mod revisions;
mod selections;
mod work;

pub use revisions::{Revisions, SCHEMA_NAME};
pub use work::{Fit, Layers, Pretrained, TakesOver, Top, Training, Work};

use crate::{
    adapter,
    data::{DataSet, ImageSet},
    seed::Seed,
    spec::{
        Adapter, Backbone, Coefficients, Condition, Evaluate, Features, Models, PositionResize,
        PretrainLength, Protocol, Selection, SetRate, Spec, TestTime, Train, VitFeatures, Weights,
        check::{self, Problem},
        id::{RunId, SpecId, WorkId},
        normalise, settings,
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
    /// Its work; parents come before children.
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
        names.extend(spec.adapt.iter().map(|adapt| adapt.data.name.clone()));
        names.extend(spec.inspect.iter().map(|images| images.name.clone()));
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
        let mut draft = Draft { steps: Vec::new(), prints: &prints, data };
        draft.fill(spec, seed);
        let steps = draft.steps;
        let fingerprints: Vec<&str> = prints.values().map(String::as_str).collect();
        let run = RunId::of(spec, seed.0, &fingerprints);
        Ok(Self { run, spec_id: SpecId::of(spec), spec: spec.clone(), seed, data: prints, steps })
    }

    /// The fit of that id.
    ///
    /// # Panics
    /// If it is no fit of this plan: the parent of an embedding is one.
    pub fn fit(&self, id: &WorkId) -> &Fit {
        match self.step(id).map(|step| &step.work) {
            Some(Work::Fit(fit)) => fit,
            _ => unreachable!("the parent of an embedding is a fit of the same plan"),
        }
    }

    /// The steps that embed this set of `data` for a score. A score may read features of other data too, of which a set can
    /// have the same name.
    pub fn embeds<'a>(
        &'a self,
        score: &'a Step,
        (data, of_source): (&'a Selection, bool),
        set: &'a str,
    ) -> impl Iterator<Item = &'a Step> {
        let learned = matches!(&score.work, Work::Score { trained_on: Some(_), .. });
        let of_model = matches!(&score.work, Work::Score { features: Features::Model, .. });
        // What a model was trained on is read by the model that learned from it, not by one that changed since.
        let adapted = self.spec.changes_after_training() && of_model && !of_source;
        let is = move |step: &&Step| match &step.work {
            Work::Embed { data: embedded, .. } if learned => {
                embedded.all_images() == data.all_images() && self.has_changed(step) == adapted
            }
            Work::Embed { data: embedded, .. } => embedded.reads(set),
            Work::Pretrain { .. } | Work::Fit(_) | Work::Layers(_) | Work::Score { .. } => false,
        };
        score.parents.iter().filter_map(|parent| self.step(parent)).filter(is)
    }

    /// Whether an adapted model embeds, or one that changes in front of each image.
    fn has_changed(&self, embed: &Step) -> bool {
        if matches!(&embed.work, Work::Embed { test_time: Some(_), .. }) {
            return true;
        }
        let adapts = |fit: &Fit| fit.training.as_ref().is_some_and(|training| training.adapts.is_some());
        embed.parents.iter().any(|parent| adapts(self.fit(parent)))
    }

    /// The step of that id.
    pub fn step(&self, id: &WorkId) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == *id)
    }
}

/// Each of them by reference.
fn all(fits: &[Fitted]) -> Vec<&Fitted> {
    fits.iter().collect()
}

struct Draft<'a> {
    steps: Vec<Step>,
    prints: &'a BTreeMap<String, String>,
    data: &'a BTreeMap<String, DataSet>,
}

/// A trained model.
struct Fitted {
    /// What it consists of, in the order in which an embedding takes them: a model; or a classifier that holds a frozen
    /// model, and the model that takes its place: adapted, or trained further in front of each image.
    works: Vec<WorkId>,
    /// The set that it reads; none: all.
    set: Option<String>,
    /// The part of a target that it is adapted to; none: all.
    part: Option<Condition>,
    /// What becomes of it in front of each image.
    test_time: Option<TestTime>,
    seed: Seed,
}

impl Fitted {
    /// The images that it is asked about, where each model is asked about its own part; none: all.
    fn only(&self, spec: &Spec) -> Option<Condition> {
        let on_one = spec.adapt.as_ref().is_some_and(|adapt| adapt.on_one);
        self.part.clone().filter(|_| !on_one)
    }
}

/// The models that answer together. Where each model of a part is asked about all images, they are apart, by their parts.
fn together<'f>(fits: &'f [Fitted], spec: &Spec) -> Vec<(Option<Condition>, Vec<&'f Fitted>)> {
    let mut groups: Vec<(Option<Condition>, Vec<&Fitted>)> = Vec::new();
    for fit in fits {
        let part = fit.part.clone().filter(|_| fit.only(spec).is_none());
        match groups.iter_mut().find(|(known, _)| *known == part) {
            Some((_, group)) => group.push(fit),
            None => groups.push((part, vec![fit])),
        }
    }
    groups
}

impl Draft<'_> {
    fn fill(&mut self, spec: &Spec, seed: Seed) {
        let fits = self.members(spec, seed);
        // Those that learned from the source, of which an adaptation makes others.
        let learned = spec.changes_after_training().then(|| self.members(&spec.as_trained(), seed));
        let mut untrained = spec.as_trained();
        untrained.model.weights = Weights::Scratch;
        untrained.train.stages.clear();
        untrained.classifier = None;
        let untrained = self.members(&untrained, seed);
        for evaluate in &spec.evaluate {
            let Evaluate { protocol, data } = evaluate;
            let trained_on = protocol.reads().of_source().then(|| spec.train.last_data().clone());
            let source = |by: &Protocol| trained_on.as_ref().filter(|_| by.reads().training_features);
            let add = |this: &mut Self, features, adapted_to, seed, parents: Vec<WorkId>| {
                let work = Work::Score {
                    protocol: protocol.clone(),
                    data: data.clone(),
                    features,
                    adapted_to,
                    beside: if parents.is_empty() { vec![] } else { spec.embedding.beside.clone() },
                    trained_on: trained_on.clone(),
                    hold_out: spec.train.hold_out,
                    subset: spec.train.subset,
                    revisions: Revisions::score(protocol, features),
                };
                let reads: Vec<&Selection> = [data].into_iter().chain(&trained_on).collect();
                this.add(work, seed, &reads, parents);
            };
            for (adapted_to, fits) in together(&fits, spec) {
                let of_source = (learned.as_deref().map_or_else(|| fits.clone(), all), source(protocol));
                let parents = self.embeds_of(&fits, data, of_source, spec);
                add(self, Features::Model, adapted_to, Some(seed), parents);
            }
            for features in Features::FLOORS {
                let (parents, seed) = match features {
                    Features::Model | Features::Untrained => {
                        let of_source = (all(&untrained), source(&protocol.of_untrained()));
                        (self.embeds_of(&all(&untrained), data, of_source, spec), Some(seed))
                    }
                    Features::Constant
                    | Features::Prior
                    | Features::HandMade
                    | Features::HandMadeStandardised => (vec![], None),
                };
                add(self, features, None, seed, parents);
            }
        }
        self.inspect(spec, seed);
    }

    /// The models of a run, as they are after training.
    fn members(&mut self, spec: &Spec, seed: Seed) -> Vec<Fitted> {
        let seeds = spec.embedding.seeds(seed.0).into_iter().map(Seed);
        let fits: Vec<Fitted> = seeds.flat_map(|seed| self.fits(spec, seed)).collect();
        fits.into_iter().flat_map(|fit| self.adapted(fit, spec)).collect()
    }

    /// One model, or one for each set that is trained on.
    fn fits(&mut self, spec: &Spec, seed: Seed) -> Vec<Fitted> {
        let (rates, each) = match spec.model.adapter.models() {
            Models::One => {
                let works = vec![self.fit(spec, seed)];
                return vec![Fitted { works, set: None, part: None, test_time: None, seed }];
            }
            Models::OnePerSet { rates, each } => (rates, each),
        };
        let sets = resolve(&spec.train.data, self.data).into_iter().map(|set| set.name.clone());
        let one = |set: String| {
            let mut spec = spec.clone();
            spec.train.data.sets = vec![set.clone()];
            spec.train.normalise = normalise::of_set(&spec.train.normalise, &set);
            spec.train.stages.retain(|stage| stage.on.as_ref().is_none_or(|on| on.reads(&set)));
            for stage in &mut spec.train.stages {
                stage.on.iter_mut().for_each(|on| on.sets = vec![set.clone()]);
                if let Some(rate) = rates.iter().find(|rate| rate.set == set) {
                    stage.optimiser.lr = rate.lr;
                }
            }
            let mut spec = spec.canonical();
            spec.model.adapter = (*each).clone();
            let works = vec![self.fit(&spec, seed)];
            Fitted { works, set: Some(set), part: None, test_time: None, seed }
        };
        sets.map(one).collect()
    }

    fn fit(&mut self, spec: &Spec, seed: Seed) -> WorkId {
        let mut parents: Vec<WorkId> =
            self.pretraining(&spec.model.backbone, &spec.model.weights).into_iter().collect();
        let Train { data, hold_out, stages, .. } = &spec.train;
        if stages.is_empty() {
            let work = Work::Fit(Fit::of(spec, data, None, None));
            return self.add(work, Some(seed), &[data], parents);
        }
        for (number, stage) in stages.iter().enumerate() {
            let mut stage = stage.clone();
            if stage.on.is_none() && !data.only.is_empty() {
                stage.on = Some(data.clone());
            }
            let training = Training { number, hold_out: *hold_out, adapts: None, stage };
            let work = Work::Fit(Fit::of(spec, data, None, Some(training)));
            parents = vec![self.add(work, Some(seed), &[data], parents)];
        }
        parents.remove(0)
    }

    /// The pretraining that such weights come from.
    fn pretraining(&mut self, backbone: &Backbone, weights: &Weights) -> Option<WorkId> {
        let length = weights.simulated()?;
        match backbone {
            Backbone::ConvNext(word) => {
                Some(self.pretrained(Pretrained::ConvNext(word.size), length, backbone))
            }
            Backbone::Vit(word) => {
                // How it is read, and what is dropped in later trainings, is not of its shape.
                let vit = settings::Vit {
                    drop_path: 0.0,
                    features: VitFeatures::ClassToken,
                    positions: PositionResize::Antialiased,
                    ..word.clone()
                };
                Some(self.pretrained(Pretrained::Vit { vit }, length, backbone))
            }
            // The check refuses that start.
            Backbone::ResNet(_) | Backbone::DinoV2(_) | Backbone::OffTheShelf(_) => None,
        }
    }

    fn pretrained(&mut self, size: Pretrained, length: PretrainLength, backbone: &Backbone) -> WorkId {
        let work = Work::Pretrain { size, length, revisions: Revisions::pretrain(length, backbone) };
        self.add(work, None, &[], vec![])
    }

    /// Features of `data` by these models, and of what they were trained on, if that is read too.
    fn embeds_of(
        &mut self,
        fits: &[&Fitted],
        data: &Selection,
        (learned, source): (Vec<&Fitted>, Option<&Selection>),
        spec: &Spec,
    ) -> Vec<WorkId> {
        let mut parents = self.embeds(fits, data, spec);
        for source in source.into_iter().flat_map(|source| self.embeds(&learned, source, spec)) {
            if !parents.contains(&source) {
                parents.push(source);
            }
        }
        parents
    }

    /// Features of `data` by these models, each of its own sets.
    fn embeds(&mut self, fits: &[&Fitted], data: &Selection, spec: &Spec) -> Vec<WorkId> {
        let asked: Vec<String> = resolve(data, self.data).into_iter().map(|set| set.name.clone()).collect();
        let one = |fit: &&Fitted| match &fit.set {
            None => Some(self.embed(fit, data, spec)),
            Some(own) => asked.contains(own).then(|| {
                let data = Selection { sets: vec![own.clone()], ..data.clone() };
                self.embed(fit, &data, spec)
            }),
        };
        fits.iter().filter_map(one).collect()
    }

    fn embed(&mut self, fit: &Fitted, data: &Selection, spec: &Spec) -> WorkId {
        let Train { image, window, subset, .. } = spec.train;
        let symmetries = spec.embedding.symmetries;
        let view = spec.model.adapter.view();
        // Once for all images that it is for, whichever of them are asked for.
        let test_time = fit.test_time.clone();
        let (mut data_read, revisions) = (data.all_images(), Revisions::embed(test_time.as_ref()));
        data_read.only.extend(fit.only(spec));
        let work =
            Work::Embed { data: data_read, view, image, window, symmetries, test_time, subset, revisions };
        self.add(work, Some(fit.seed), &[data], fit.works.clone())
    }

    fn add(&mut self, work: Work, seed: Option<Seed>, reads: &[&Selection], parents: Vec<WorkId>) -> WorkId {
        let prints: Vec<&str> =
            reads.iter().filter_map(|data| Some(self.prints.get(&data.name)?.as_str())).collect();
        let id = WorkId::of(&work, seed.map(|seed| seed.0), &prints, &parents.iter().collect::<Vec<_>>());
        if !self.steps.iter().any(|step| step.id == id) {
            self.steps.push(Step { id: id.clone(), work, seed, parents });
        }
        id
    }
}

/// What only the data can say: sets that are not there, channels that a model has no parameters for.
fn contradictions(spec: &Spec, data: &BTreeMap<String, DataSet>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut refs: Vec<&Selection> = spec.selections().collect();
    refs.sort_unstable();
    refs.dedup();
    for wanted in refs {
        let missing = match data.get(&wanted.name) {
            None => Some(format!("data set `{}` is not open", wanted.name)),
            Some(set) if set.fingerprint.is_empty() => {
                Some(format!("data set `{}` was opened without its fingerprint", wanted.name))
            }
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
    problems.extend(selections::problems(spec, data));
    let trained = resolve(&spec.train.data, data);
    problems.extend(too_few_templates(&spec.model.adapter, &trained));
    problems.extend(check::never_trained(&spec.train, trained.iter().map(|set| set.name.as_str())));
    let evaluated = spec.evaluate.iter().flat_map(|evaluate| resolve(&evaluate.data, data));
    let mut known: Vec<String> =
        trained.iter().copied().chain(evaluated).map(|set| set.name.clone()).collect();
    known.sort();
    known.dedup();
    problems.extend(normalise::strangers(&spec.train.normalise, &known));
    if let Models::OnePerSet { rates, .. } = spec.model.adapter.models() {
        let strange = |rate: &&SetRate| !trained.iter().any(|set| set.name == rate.set);
        problems.extend(rates.iter().filter(strange).map(|rate| Problem {
            rule: "set_rate",
            message: format!("a learning rate is said for `{}`, which is not trained on", rate.set),
            hint: "leave that `.lr_on(…)` out".into(),
        }));
    }
    problems.extend(without_planes(spec, data));
    problems.extend(too_many_channels(spec, data));
    if spec.model.adapter.reads_unseen_sets() {
        return problems;
    }
    for evaluate in &spec.evaluate {
        for set in resolve(&evaluate.data, data) {
            let known = trained.iter().find(|known| known.name == set.name);
            if evaluate.data.name != spec.train.data.name || known.is_none() {
                problems.push(Problem {
                    rule: "unseen_channels",
                    message: format!(
                        "`{}` has parameters for the sets it was trained on and cannot read `{}` of `{}`",
                        spec.model.adapter.word(),
                        set.name,
                        evaluate.data.name
                    ),
                    hint: "train on that set too, or leave it out of `.evaluate(…)`".into(),
                });
            }
        }
    }
    problems
}

/// Each channel owns an equal share of the templates, and at least one.
fn too_few_templates(adapter: &Adapter, trained: &[&ImageSet]) -> Option<Problem> {
    let Adapter::TemplateMixing(word) = adapter else { return None };
    let channels: usize = trained.iter().map(|set| set.channels.len()).sum();
    let found = word.templates;
    let few = word.coefficients == Coefficients::Owned && found < channels;
    few.then(|| Problem {
        rule: "templates",
        message: format!(
            "expected at least {channels} templates, one for each channel to own, found {found}"
        ),
        hint: format!("say `TemplateMixing {{ templates: {} }}`", 2 * channels),
    })
}

/// Every set that is read has the channels that are picked by name.
fn without_planes(spec: &Spec, data: &BTreeMap<String, DataSet>) -> Vec<Problem> {
    let Adapter::Planes(word) = &spec.model.adapter else { return vec![] };
    let mut problems: Vec<Problem> = Vec::new();
    for (from, set) in
        spec.selections().flat_map(|from| resolve(from, data).into_iter().map(move |set| (from, set)))
    {
        let Err(why) = adapter::places_of_planes(word, &set.channels) else { continue };
        let problem = Problem {
            rule: "planes_are_there",
            message: format!("`{}` of `{}` {why}", set.name, from.name),
            hint:
                "name channels that every set has, as `dichroic data info` shows them, or leave that set out"
                    .into(),
        };
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }
    problems
}

/// No set that is read has more channels than the table of them.
fn too_many_channels(spec: &Spec, data: &BTreeMap<String, DataSet>) -> Option<Problem> {
    let Adapter::ChannelVit(word) = &spec.model.adapter else { return None };
    let read = spec.selections().flat_map(|from| resolve(from, data).into_iter().map(move |set| (from, set)));
    let (from, set) = read.max_by_key(|(_, set)| set.channels.len())?;
    let (most, found) = (word.channels, set.channels.len());
    (found > most).then(|| Problem {
        rule: "channel_vit_channels",
        message: format!(
            "`ChannelVit` was made for at most {most} channels, and `{}` of `{}` has {found}",
            set.name, from.name
        ),
        hint: format!("say `ChannelVit::up_to({found})`, or take `BagOfChannels`, which reads any number"),
    })
}

fn resolve<'a>(wanted: &Selection, data: &'a BTreeMap<String, DataSet>) -> Vec<&'a ImageSet> {
    data.get(&wanted.name).and_then(|set| set.only(&wanted.sets).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
