//! Training works: from random or published weights to `weights.safetensors`, by way of checkpoints; and embedding
//! by what they leave behind.

use super::{Error, Progress, WorkContext, artifacts, each_image, sets::Part};
use crate::{
    adapter::SetChannels,
    atomic_file::{Digest, forget_parts},
    backbone::files,
    data::{Norm, Statistics, norm::OF_VIEW},
    device,
    embed::{self, Embedder, Layout, Writer},
    event::{Event, Listen},
    format,
    loss::Objective,
    model::{Card, CardSet, Extractor},
    params::Params,
    plan::{Fit, Layers, Pretrained, Step, TakesOver, Top, Training},
    seed::Seed,
    spec::{
        Adapter, Backbone, KeptStep, Model, Moments, Needs, Oracle, PretrainLength, Samples, Selection,
        Stage, TestTime, View, Weights, normalise::moments_of,
    },
    store::Attempt,
    train::{self, Bag, Folder, Job, Judge, Pretraining, Source},
};
use std::path::{Path, PathBuf};

pub(super) const WEIGHTS: &str = "weights.safetensors";
const CHECKPOINT: &str = "checkpoint.safetensors";

/// The seed of the shared pre-training.
const PRETRAIN_SEED: Seed = Seed(0);

/// What a training goes by.
struct FitInputs<'a> {
    stage: &'a Stage,
    side: usize,
    window: bool,
    seed: Seed,
    source: &'a dyn Source,
    objective: Objective,
    card: Option<Card>,
    judge: Option<&'a dyn Judge>,
}

/// How images are embedded.
pub(super) struct Seen<'a> {
    /// Side of the square that the model sees, in pixels.
    pub(super) image: usize,
    /// Whether that is a window at the image's own scale.
    pub(super) window: bool,
    /// Whether features are the mean over the eight symmetries of a square.
    pub(super) symmetries: bool,
    /// What becomes of the model in front of each image.
    pub(super) test_time: Option<&'a TestTime>,
}

/// Makes a training, or an embedding that trains on each image, begin at the beginning.
pub(super) fn forget_checkpoint(folder: &Path) -> Result<(), Error> {
    let path = folder.join(CHECKPOINT);
    let forgotten = train::forget_checkpoint(&path).and_then(|()| each_image::forget(folder));
    forgotten.map_err(|source| Error::Io { path, source })
}

impl WorkContext<'_> {
    /// Trains, or takes the model as it starts.
    pub(super) fn fit(
        &self,
        step: &Step,
        fit: &Fit,
        attempt: &Attempt,
        listen: &mut dyn Listen,
    ) -> Result<Progress, Error> {
        let number = fit.training.as_ref().map_or(0, |training| training.number);
        let seed = of_stage(step.seed.unwrap_or(PRETRAIN_SEED), number);
        let sets = self.sets.open(&fit.data, fit.subset, listen)?;
        let start = |seed| self.start(step, fit, &channels(&sets), seed);
        for remark in self.remarks(fit)? {
            listen.receive(&Event::Note(&remark));
        }
        let (extractor, mut params) = start(seed)?;
        let mut card = card(fit, vec![]);
        for (part, SetChannels { set, channels }) in sets.iter().zip(channels(&sets)) {
            card.sets.push(match self.norm(fit, part, listen)? {
                Norm::Set(Statistics { mean, sd }) => CardSet { set, channels, mean, sd },
                Norm::Image { .. } | Norm::View(_) => CardSet::plain(SetChannels { set, channels }),
            });
        }
        let Some(training) = fit.training.as_deref() else {
            return self.keep(attempt, &params, None, Some(&card));
        };
        let stage = &training.stage;
        let (mut parts, mut held) = (Vec::new(), Vec::new());
        for (number, part) in sets.iter().enumerate() {
            let norm = card.norm(number);
            let (rows, back) = rows(part, training);
            parts.push((part.set(), rows, norm));
            held.push(back);
        }
        let images = paired(Folder::new(parts).holding_out(&held), stage, listen)?;
        let source = samples(images, &fit.model.adapter);
        let source = source.as_ref();
        if Needs::of(&stage.objective).labels {
            card.classes = source.classes().to_vec();
        }
        let oracle = |which, params: &Params| match which {
            Oracle::Copy => Ok(params.duplicate()?),
            Oracle::Independent => Ok::<_, Error>(start(Seed(seed.stream("oracle").bits()))?.1),
        };
        let mut objective = train::objective(stage, &extractor, source.classes().len(), &mut params, oracle)?;
        if let (Some(takes_over), Some(parent)) = (training.adapts, step.parents.first()) {
            let how = takes_over.how();
            train::continue_from(&self.of_parent(parent, WEIGHTS), &mut params, &mut objective, how)?;
        }
        let judge = match training.adapts {
            Some(TakesOver { keep: KeptStep::LabelFreeStop, .. }) => {
                Some(self.judge(step, &sets, training, listen)?)
            }
            _ => None,
        };
        let judge = judge.as_ref().map(|judge| judge as &dyn Judge);
        let (side, window, card) = (fit.image, fit.window, Some(card));
        let inputs = FitInputs { stage, side, window, seed, source, objective, card, judge };
        self.train(inputs, &extractor, &mut params, attempt, listen)
    }

    /// What is done to read the published weights that a training starts from.
    fn remarks(&self, fit: &Fit) -> Result<Vec<String>, Error> {
        let later = fit.training.as_ref().is_some_and(|training| training.number > 0);
        if later {
            return Ok(Vec::new());
        }
        match self.published(&fit.model.backbone, &fit.model.weights)? {
            Some(file) => Ok(files::remarks(&file)?),
            None => Ok(Vec::new()),
        }
    }

    /// The file that a backbone starts from, if it starts from one that was not trained here.
    fn published(&self, backbone: &Backbone, weights: &Weights) -> Result<Option<PathBuf>, Error> {
        let given = self.executor.weights.as_deref();
        match weights {
            Weights::Scratch | Weights::SimulatedPretrain | Weights::SimulatedPretrainLong => Ok(None),
            Weights::ImageNet22k | Weights::ImageNet1k | Weights::Lvd142m | Weights::Published => {
                Ok(Some(files::find(&files::of(backbone, weights), given)?))
            }
            Weights::File { name, contents } => {
                let path = files::find_file(name, given)?;
                if let Some(expected) = contents {
                    let found = files::contents(&path)?;
                    if found != *expected {
                        return Err(
                            files::Error::OtherContents { path, expected: expected.clone(), found }.into()
                        );
                    }
                }
                Ok(Some(path))
            }
        }
    }

    /// The model before the first step of the stage.
    fn start(
        &self,
        step: &Step,
        fit: &Fit,
        sets: &[SetChannels],
        seed: Seed,
    ) -> Result<(Extractor, Params), Error> {
        let (model, format) = (&fit.model, format::of(fit.precision));
        let device = &self.executor.device;
        device::computes(device, format)?;
        let mut params = Params::on(device.clone(), format, seed);
        if let Some(top) = &fit.classifier {
            let extractor = Extractor::dual(model, &top.backbone, sets, &[], &mut params);
            self.start_classifier(step, top, &mut params)?;
            return Ok((extractor, params));
        }
        let extractor = Extractor::new(model, sets, &[], &mut params);
        if fit.training.as_ref().is_some_and(|training| training.number > 0) {
            let parent = step.parents.first().expect("the plan puts the stage before this one before it");
            files::restore(&self.of_parent(parent, WEIGHTS), &mut params)?;
            return Ok((extractor, params));
        }
        if let Some(file) = self.published(&model.backbone, &model.weights)? {
            extractor.load(&file, &mut params)?;
        } else if model.weights.simulated().is_some() {
            let parent = step.parents.first().expect("the plan puts the pre-training before the fit");
            extractor.load(&self.of_parent(parent, WEIGHTS), &mut params)?;
        }
        Ok((extractor, params))
    }

    /// Reads both halves of a dual model: the trained extractor, and the weights that the classifier starts from.
    fn start_classifier(&self, step: &Step, top: &Top, params: &mut Params) -> Result<(), Error> {
        let extractor = step.parents.first().expect("the plan puts the extractor before the classifier");
        Extractor::load_foundation(&self.of_parent(extractor, WEIGHTS), params)?;
        let file = match self.published(&top.backbone, &top.weights)? {
            Some(file) => file,
            None if top.weights.simulated().is_none() => return Ok(()),
            None => {
                let parent =
                    step.parents.get(1).expect("the plan puts the pre-training before the classifier");
                self.of_parent(parent, WEIGHTS)
            }
        };
        Ok(Extractor::load_classifier(&file, params)?)
    }

    /// A backbone's first training, on simulated images of three channels.
    pub(super) fn pretrain(
        &self,
        size: &Pretrained,
        length: PretrainLength,
        attempt: &Attempt,
        listen: &mut dyn Listen,
    ) -> Result<Progress, Error> {
        let source = Pretraining::new(length);
        let (stage, side) = (Pretraining::stage(length), Pretraining::IMAGE_SIDE);
        let format = format::of(Pretraining::PRECISION);
        let mut params = Params::on(self.executor.device.clone(), format, PRETRAIN_SEED);
        let channels = source.sets()[0].channels.len();
        let extractor = Extractor::pretrained(size, channels, &mut params);
        let classes = source.classes().len();
        let objective = Objective::new(&stage.objective, extractor.read(), classes, &mut params);
        let (stage, seed, source) = (&stage, PRETRAIN_SEED, &source);
        let (window, card, judge) = (false, None, None);
        let inputs = FitInputs { stage, side, window, seed, source, objective, card, judge };
        self.train(inputs, &extractor, &mut params, attempt, listen)
    }

    fn train(
        &self,
        inputs: FitInputs<'_>,
        extractor: &Extractor,
        params: &mut Params,
        attempt: &Attempt,
        listen: &mut dyn Listen,
    ) -> Result<Progress, Error> {
        let checkpoint = self.folder.join(CHECKPOINT);
        let FitInputs { stage, side, window, seed, source, mut objective, card, judge } = inputs;
        let mut job = Job::new(stage, side, seed, source, &checkpoint).on_windows(window);
        (job.checkpoint_every, job.keep) = (self.executor.checkpoint_every, self.executor.keep);
        job.judge = judge;
        // Before the first point: those that a lost attempt logged after the checkpoint go.
        attempt.resume_at(job.resumes_at())?;
        let ended = job.run(extractor, params, &mut objective, listen)?;
        if !ended.complete {
            return Ok(Progress::Stopped);
        }
        self.keep(attempt, params, Some(&objective), card.as_ref())
    }

    /// Notes how far the checkpoint is that lies beside the weights to be.
    pub(super) fn note_checkpoint(&self, attempt: &Attempt, steps: u64, bytes: u64) -> Result<(), Error> {
        let path = self.folder.join(CHECKPOINT);
        let noted = artifacts::beside(self.executor.store.path(), &path);
        Ok(attempt.checkpoint(steps, &noted, bytes)?)
    }

    fn keep(
        &self,
        attempt: &Attempt,
        params: &Params,
        objective: Option<&Objective>,
        card: Option<&Card>,
    ) -> Result<Progress, Error> {
        let path = self.folder.join(WEIGHTS);
        let card = card.map(|card| serde_json::to_string(card).expect("a card is plain data"));
        match objective {
            Some(objective) => train::leave(&path, params, objective, card.as_deref())?,
            None => files::save(&path, params, card.as_deref(), |_| true)?,
        }
        let digest = Digest::of(&path).map_err(|source| Error::Io { path: path.clone(), source })?;
        self.note(attempt, "weights", &path, digest)?;
        Ok(Progress::Done)
    }

    /// Features of every image of `data` by the model that the parent left behind.
    pub(super) fn embed(
        &self,
        step: &Step,
        data: &Selection,
        seen: &Seen<'_>,
        attempt: &Attempt,
        listen: &mut dyn Listen,
    ) -> Result<Progress, Error> {
        let Seen { image, window, symmetries, test_time } = *seen;
        let (mut embedder, fit, parts) = self.embedder(step, data, (image, window, test_time), listen)?;
        embedder.symmetries = symmetries;
        for (at, part) in parts.iter().enumerate() {
            let norm = self.norm(fit, part, listen)?;
            let path = self.folder.join(features_file(&part.set().name));
            // A killed attempt may have left gigabytes; only the owner of the work's claim writes here.
            forget_parts(&path).map_err(|source| Error::Io { path: path.clone(), source })?;
            let rows = part.set().rows_of(&data.only);
            let mut writer = Writer::new(&path, Layout::Plain, rows.len())?;
            let mut add = |features: &[f32], width| writer.add(features, width);
            let images = (part.set(), &rows[..]);
            match test_time {
                None => embedder.embed_rows(images, at, &norm, listen, &mut add)?,
                Some(_) => {
                    self.embed_each(&embedder, images, (at, &norm), (attempt, &mut *listen), &mut add)?;
                }
            }
            self.note(attempt, "features", &path, writer.finish()?)?;
            let path = self.folder.join(format!("images-{}.csv", part.set().name));
            let digest = artifacts::write_images(&path, part.set(), &rows)?;
            self.note(attempt, "images", &path, digest)?;
        }
        Ok(Progress::Done)
    }

    /// How alike images are in each layer of the model that the parent left behind.
    pub(super) fn layers(
        &self,
        step: &Step,
        layers: &Layers,
        attempt: &Attempt,
        listen: &mut dyn Listen,
    ) -> Result<Progress, Error> {
        let Layers { data, image, window, images, batch, .. } = layers;
        let (embedder, fit, parts) = self.embedder(step, data, (*image, *window, None), listen)?;
        for (at, part) in parts.iter().enumerate() {
            let set = part.set();
            let (rows, batch) = embed::drawn(set, set.rows_of(&data.only), *images, *batch);
            if rows.is_empty() {
                let found = format!("{}: {batch} images are too few to look into layers with", set.name);
                listen.receive(&Event::Remark(&found));
                continue;
            }
            let norm = self.norm(fit, part, listen)?;
            let found = embedder.layers((set, &rows), at, &norm, batch, listen)?;
            let path = self.folder.join(format!("layers-{}.safetensors", set.name));
            let digest = found.write(&path)?;
            self.note(attempt, "layers", &path, digest)?;
        }
        Ok(Progress::Done)
    }

    /// The model that the parents left behind, and the sets of `data`. Squares have a side of `image` pixels.
    fn embedder(
        &self,
        step: &Step,
        data: &Selection,
        (image, window, test_time): (usize, bool, Option<&TestTime>),
        listen: &mut dyn Listen,
    ) -> Result<(Embedder, &Fit, Vec<Part<'_>>), Error> {
        let parent = step.parents.first().expect("the plan puts the fit before the embedding");
        let fit = self.plan.fit(parent);
        let Fit { data: data_of_fit, precision, subset, .. } = fit;
        let trained = channels(&self.sets.open(data_of_fit, *subset, listen)?);
        let parts = self.sets.open(data, *subset, listen)?;
        let card = Card { image, window, ..card_of_sets(fit, &trained) };
        let (asked, at_home) = (channels(&parts), data.name == data_of_fit.name);
        let mut embedder = Embedder::restore(&card, &asked, at_home, &self.of_parent(parent, WEIGHTS))?;
        // A classifier's frozen model makes room for the one that was adapted, or is trained on each image.
        for model in &step.parents[1..] {
            let file = self.of_parent(model, WEIGHTS);
            match test_time {
                None => embedder.adapted(&file)?,
                Some(TestTime::Ttt(how)) => {
                    let (decoder, seed) =
                        (self.plan.fit(model).decoder(), step.seed.unwrap_or(PRETRAIN_SEED));
                    embedder.train_on_each((how, decoder), (&card, &asked, at_home), &file, seed)?;
                }
            }
        }
        embedder.go_to(&self.executor.device, format::of(*precision))?;
        Ok((embedder, fit, parts))
    }

    /// What the images of a set are normalised by in front of a model.
    pub(super) fn norm(&self, fit: &Fit, part: &Part<'_>, listen: &mut dyn Listen) -> Result<Norm, Error> {
        let Fit { model, normalise, subset, .. } = fit;
        match (model.adapter.view(), moments_of(normalise, &part.set().name)) {
            (View::Native, _) => Ok(Norm::none(part.set().channels.len())),
            (View::Resized, Some(Moments::Image { floor })) => Ok(Norm::Image { floor: floor as f32 }),
            (View::Resized, Some(Moments::View)) => Ok(Norm::View(OF_VIEW)),
            (View::Resized, None) => Ok(self.sets.statistics(part, *subset, listen)?.into()),
        }
    }
}

/// What is kept with the weights of a fit.
fn card(fit: &Fit, sets: Vec<CardSet>) -> Card {
    let Fit { model, image, window, normalise, classifier, .. } = fit;
    let classifier = classifier.as_ref().map(|top| top.backbone.clone());
    Card {
        window: *window,
        normalise: normalise.clone(),
        classifier,
        ..Card::of(model.clone(), *image, sets)
    }
}

/// The same for sets whose grey levels are measured where they are read.
pub(super) fn card_of_sets(fit: &Fit, sets: &[SetChannels]) -> Card {
    card(fit, sets.iter().cloned().map(CardSet::plain).collect())
}

/// The images in pairs, if the loss needs them; says how many have no partner.
fn paired<'a>(source: Folder<'a>, stage: &Stage, listen: &mut dyn Listen) -> Result<Folder<'a>, Error> {
    let Some(pairs) = Needs::of(&stage.objective).pairs else { return Ok(source) };
    let (source, missing) = source.pairing(pairs)?;
    if let Some(remark) = missing.remark(&pairs.across.words()) {
        listen.receive(&Event::Remark(&remark));
    }
    Ok(source)
}

/// The samples of a training: images, or their channels one by one.
pub(super) fn samples<'a>(images: Folder<'a>, adapter: &Adapter) -> Box<dyn Source + 'a> {
    match adapter.samples() {
        Samples::Images => Box::new(images),
        Samples::Channels(which) => Box::new(Bag::new(images, |channels| which.of(channels))),
    }
}

/// How many samples each set of a training has, for a set of so many images: itself, or one for each channel.
pub(super) fn of_set(model: &Model, images: usize, of: &SetChannels) -> Vec<usize> {
    match model.adapter.samples() {
        Samples::Images => vec![images],
        Samples::Channels(which) => vec![images; which.of(of.channels.len()).len()],
    }
}

/// The rows of a set that a stage trains on, and those that it holds out. A set that it does not read has neither, and
/// keeps its number and the parameters for its channels.
pub(super) fn rows(part: &Part<'_>, training: &Training) -> (Vec<u32>, Vec<u32>) {
    let set = part.set();
    match &training.stage.on {
        Some(on) if !on.reads(&set.name) => Default::default(),
        on => {
            let only = on.as_ref().map_or(&[][..], |on| &on.only);
            // An adaptation reads no labels: it adapts to the images that it will be asked about.
            if training.adapts.is_some() {
                (set.rows_of(only), vec![])
            } else {
                set.training_rows(training.hold_out, only)
            }
        }
    }
}

/// Each stage draws from random streams of its own.
fn of_stage(seed: Seed, number: usize) -> Seed {
    match number {
        0 => seed,
        _ => Seed(seed.stream(&format!("stage/{number}")).bits()),
    }
}

/// The file of a set's features, (images, width) 32-bit floats.
pub(super) fn features_file(set: &str) -> String {
    format!("features-{set}.f32")
}

pub(super) fn channels(sets: &[Part<'_>]) -> Vec<SetChannels> {
    let one =
        |part: &Part<'_>| SetChannels { set: part.set().name.clone(), channels: part.set().channels.clone() };
    sets.iter().map(one).collect()
}
