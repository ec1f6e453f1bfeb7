//! What work would cost on this machine, by a short measurement of each kind: a few steps of the training on the images
//! that it would read, a few images embedded, a small search. Nothing stays: the checkpoint of a measured
//! pretraining is removed.
//!
//! A large batch passes in parts ([`Keep`]): a few rows are measured, and the rest is reckoned (`cost/fit.rs`).
//!
//! What is left out: a held-out loss that is looked at (SWAD), means and deviations of own data, pauses for checkpoints.

mod each_image;
mod fit;

use super::{
    Error,
    score::greys,
    sets::{Part, Sets},
};
use crate::{
    adapter::SetChannels,
    data::{DataSet, ImageSet, Norm},
    device,
    embed::{self, Embedder},
    evaluate::{
        self, FeatureMatrix,
        handmade::{self, Greys},
        nearest,
    },
    event::{Listen, Silence},
    format,
    model::{Card, CardSet, Extractor},
    ops::format::Format,
    params::Params,
    plan::{Layers, Plan, Step, Work},
    seed::Seed,
    spec::{
        Backbone, Beside, Features, Metric, Model, Protocol, Select, Selection, TestTime, Weights, settings,
    },
    train::{Keep, Pretraining, Source},
};
use candle_core::Device;
use each_image::StepPace;
use fit::FitPace;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    time::Instant,
};

/// What some work costs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// Seconds on this machine, with the threads that are set.
    pub seconds: f64,
    /// Bytes of memory at its peak, where models are computed.
    pub memory: u64,
    /// Bytes on disk that stay.
    pub disk: u64,
}

impl Cost {
    /// One after the other.
    #[must_use]
    pub fn then(self, next: Self) -> Self {
        Self {
            seconds: self.seconds + next.seconds,
            memory: self.memory.max(next.memory),
            disk: self.disk + next.disk,
        }
    }
}

/// Measures, each kind of work once.
pub struct Meter<'a> {
    sets: Sets<'a>,
    /// Where measured trainings would put checkpoints; nothing comes to lie there.
    nowhere: PathBuf,
    device: Device,
    /// What decides how much memory a training takes.
    keep: Keep,
    fits: BTreeMap<String, FitPace>,
    embeds: BTreeMap<String, Pace>,
    steps_on_images: BTreeMap<String, StepPace>,
    handmade: BTreeMap<String, f64>,
    searches: BTreeMap<usize, f64>,
    /// What is computed once for all runs and reckoned already.
    once: BTreeSet<String>,
}

/// How fast something goes.
#[derive(Clone, Copy, Debug)]
struct Pace {
    seconds_per_image: f64,
    /// Whatever the number of images.
    memory: f64,
    memory_per_image: f64,
    /// Numbers in a feature vector.
    width: usize,
}

impl<'a> Meter<'a> {
    /// `store`: beside which the store lies or would lie, for grey levels that were measured once.
    pub fn new(data: &'a BTreeMap<String, DataSet>, store: &Path, device: &Device, keep: Keep) -> Self {
        let nowhere = std::env::temp_dir().join(format!("dichroic-cost-{}", std::process::id()));
        Self {
            sets: Sets::new(data, &super::artifacts::cache(store)),
            nowhere,
            device: device.clone(),
            keep,
            fits: BTreeMap::new(),
            embeds: BTreeMap::new(),
            steps_on_images: BTreeMap::new(),
            handmade: BTreeMap::new(),
            searches: BTreeMap::new(),
            once: BTreeSet::new(),
        }
    }

    /// What a step of a plan costs.
    ///
    /// # Errors
    /// If an image cannot be read, or the listener asks to stop.
    pub fn cost(&mut self, plan: &Plan, step: &Step, listen: &mut dyn Listen) -> Result<Cost, Error> {
        if listen.stop() {
            return Err(embed::Error::Stopped.into());
        }
        match &step.work {
            Work::Pretrain { size, length, .. } => {
                let (stage, side) = (Pretraining::stage(*length), Pretraining::IMAGE_SIDE);
                let source = Pretraining::new(*length);
                let format = format::of(Pretraining::PRECISION);
                let mut params = Params::on(self.device.clone(), format, Seed(0));
                let extractor = Extractor::pretrained(size, 3, &mut params);
                let pace = self.steps(&extractor, &mut params, (&stage, side), &source)?;
                Ok(pace.cost((&stage, side), &[source.items().len()], self.keep))
            }
            Work::Fit(fit) => self.fit(fit, listen),
            Work::Embed { data, image, symmetries, test_time, subset, .. } => {
                let mut cost =
                    self.embed(&plan.fit(&step.parents[0]).model, (data, *subset), *image, listen)?;
                cost.seconds *= if *symmetries { embed::SYMMETRIES as f64 } else { 1.0 };
                match test_time {
                    None => Ok(cost),
                    Some(TestTime::Ttt(how)) => {
                        let fit = plan.fit(&step.parents[1]);
                        Ok(cost.then(self.each_image((how, fit), (data, *subset), listen)?))
                    }
                }
            }
            Work::Layers(layers) => self.layers(&plan.fit(&step.parents[0]).model, layers, listen),
            Work::Score { data, protocol, features, beside, subset, trained_on, .. } => {
                let by = protocol.of_features(*features);
                let cost = self.score(plan, step, (data, *subset), (&by, *features, beside), listen)?;
                match trained_on {
                    None => Ok(cost),
                    Some(source) => Ok(cost.then(self.learning(
                        plan,
                        step,
                        (source, *subset),
                        (&by, *features),
                        listen,
                    )?)),
                }
            }
        }
    }

    /// Some images embedded, and the products of the images of each mini-batch in each layer.
    fn layers(&mut self, model: &Model, layers: &Layers, listen: &mut dyn Listen) -> Result<Cost, Error> {
        let Layers { data, image, subset, images, batch, .. } = layers;
        let mut all = Cost::default();
        let Backbone::Vit(word) = &model.backbone else { return Ok(all) };
        let (depth, width) = (word.size.depth(), word.size.width());
        let tokens = (image / word.patch()).pow(2) + 1;
        let matrices = 2 * depth + 1;
        for part in self.sets.open(data, *subset, listen)? {
            let pace = self.embedding(model, part.set(), *image)?;
            let images = part.set().rows_of(&data.only).len().min(*images);
            let pairs = images * batch / 2;
            let products = (pairs * matrices * tokens * width) as f64;
            let waiting = pace.memory_per_image * *batch as f64 + (4 * batch * tokens * width) as f64;
            all = all.then(Cost {
                seconds: pace.seconds_per_image * images as f64 + products / PRODUCTS_PER_SECOND,
                memory: (pace.memory + waiting) as u64,
                disk: (size_of::<f64>() * pairs * (2 * matrices - 1)) as u64,
            });
        }
        Ok(all)
    }

    fn embed(
        &mut self,
        model: &Model,
        (data, subset): (&Selection, Option<usize>),
        image: usize,
        listen: &mut dyn Listen,
    ) -> Result<Cost, Error> {
        let mut all = Cost::default();
        for part in self.sets.open(data, subset, listen)? {
            let pace = self.embedding(model, part.set(), image)?;
            let images = part.set().len() as u64;
            let disk = 4 * images * pace.width as u64;
            all = all.then(Cost {
                seconds: pace.seconds_per_image * images as f64,
                memory: (pace.memory + pace.memory_per_image * embed::BATCH as f64) as u64,
                disk,
            });
        }
        Ok(all)
    }

    /// Embeds a few images of a set.
    fn embedding(&mut self, model: &Model, set: &ImageSet, image: usize) -> Result<Pace, Error> {
        let key = format!("{} {} {image}", alike(model), set.name);
        if let Some(pace) = self.embeds.get(&key) {
            return Ok(*pace);
        }
        let few = set.subset(MEASURED_IMAGES);
        let few = few.as_ref().unwrap_or(set);
        let own = SetChannels { set: set.name.clone(), channels: set.channels.clone() };
        let sets = vec![CardSet::plain(own.clone())];
        let card = Card::of(model.clone(), image, sets);
        let mut embedder = Embedder::random(&card, &[own], true);
        embedder.go_to(&self.device, Format::F32)?;
        let memory = device::Peak::begin(&self.device);
        let began = Instant::now();
        let mut width = 0;
        let mut take = |_: &[f32], found| {
            width = found;
            Ok(())
        };
        embedder.embed(few, 0, &Norm::none(set.channels.len()), &mut Silence, &mut take)?;
        let together = few.len().min(embed::BATCH) as f64;
        let pace = Pace {
            seconds_per_image: began.elapsed().as_secs_f64() / few.len() as f64,
            memory: 4.0 * embedder.weights() as f64,
            memory_per_image: memory.bytes() as f64 / together,
            width,
        };
        self.embeds.insert(key, pace);
        Ok(pace)
    }

    fn score(
        &mut self,
        plan: &Plan,
        step: &Step,
        (data, subset): (&Selection, Option<usize>),
        (protocol, features, beside): (&Protocol, Features, &[Beside]),
        listen: &mut dyn Listen,
    ) -> Result<Cost, Error> {
        let parts = self.sets.open(data, subset, listen)?;
        let mut all = Cost::default();
        for part in &parts {
            let set = part.set();
            let chosen = part.chosen();
            let queries =
                set.tasks.iter().flat_map(|task| &task.queries).filter(|row| chosen.has(**row)).count();
            let mut cost = Cost { disk: (PREDICTION * queries) as u64, ..Cost::default() };
            let width = match features {
                Features::Constant | Features::Prior => None,
                Features::HandMade => {
                    cost = cost.then(self.by_hand(part, subset, Greys::Stored)?);
                    Some(handmade::width(set.channels.len()))
                }
                Features::HandMadeStandardised => {
                    cost = cost.then(self.by_hand(part, subset, Greys::Standardised)?);
                    Some(handmade::width(set.channels.len()))
                }
                Features::Model | Features::Untrained => {
                    let mut width = 0;
                    for parent in plan.embeds(step, (data, false), &set.name) {
                        if let Step { work: Work::Embed { image, .. }, parents, .. } = parent {
                            width += self.embedding(&plan.fit(&parents[0]).model, set, *image)?.width;
                        }
                    }
                    for beside in beside {
                        cost = cost.then(self.by_hand(part, subset, greys(beside.features))?);
                        width += handmade::width(set.channels.len());
                    }
                    (width > 0).then_some(width)
                }
            };
            if let Some(width) = width {
                match protocol {
                    Protocol::OneNn(_) => {
                        cost.memory = nearest::memory(width, set.len(), &self.device) as u64;
                        cost.seconds += self.search(width)? * (queries * set.train_rows().len()) as f64;
                    }
                    Protocol::LinearProbe(word) => {
                        cost.memory = (set.train_rows().len() * width * size_of::<f32>()) as u64;
                        cost.seconds += probe_products(word, set, width) / PROBE_PRODUCTS_PER_SECOND;
                    }
                    // A few products for each image; the neighbours of all of them are reckoned with the source.
                    Protocol::Accuracy(_)
                    | Protocol::NearestMean(_)
                    | Protocol::Logistic(_)
                    | Protocol::Knn(_) => {}
                }
            }
            all = all.then(cost);
        }
        Ok(all)
    }

    /// What is learned from the source of a score.
    fn learning(
        &mut self,
        plan: &Plan,
        step: &Step,
        (source, subset): (&Selection, Option<usize>),
        (by, features): (&Protocol, Features),
        listen: &mut dyn Listen,
    ) -> Result<Cost, Error> {
        let (mut cost, mut images, mut width, mut labels) = (Cost::default(), 0, 0, BTreeSet::new());
        let mut embeds = vec![];
        for part in &self.sets.open(source, subset, listen)? {
            let set = part.set();
            images += set.train_rows().len();
            labels.extend(set.labels.iter().cloned());
            match features {
                Features::Constant | Features::Prior => {}
                Features::HandMade => {
                    cost = cost.then(self.by_hand(part, subset, Greys::Stored)?);
                    width = handmade::width(set.channels.len());
                }
                Features::HandMadeStandardised => {
                    cost = cost.then(self.by_hand(part, subset, Greys::Standardised)?);
                    width = handmade::width(set.channels.len());
                }
                Features::Model | Features::Untrained => {
                    for parent in plan.embeds(step, (source, true), &set.name) {
                        embeds.push(parent.id.to_string());
                        if let Step { work: Work::Embed { image, .. }, parents, .. } = parent {
                            width = self.embedding(&plan.fit(&parents[0]).model, set, *image)?.width;
                        }
                    }
                }
            }
        }
        let products = match by {
            Protocol::Logistic(word) => {
                let key = format!("{source} {subset:?} {features:?} {} {embeds:?}", word.c);
                let new = self.once.insert(key);
                if new { REGRESSION_STEPS * 2.0 * (images * width * labels.len()) as f64 } else { 0.0 }
            }
            Protocol::Knn(_) => (images * images * width) as f64,
            Protocol::OneNn(_)
            | Protocol::LinearProbe(_)
            | Protocol::Accuracy(_)
            | Protocol::NearestMean(_) => 0.0,
        };
        cost.memory = (images * width * size_of::<f64>()) as u64;
        cost.seconds += products / PRODUCTS_PER_SECOND;
        Ok(cost)
    }

    /// Hand-made features of a set, if they are not there and no other score has them measured.
    fn by_hand(&mut self, part: &Part<'_>, subset: Option<usize>, greys: Greys) -> Result<Cost, Error> {
        let file = self.sets.hand_made_file(part, subset, greys);
        if file.is_file() || !self.once.insert(file.display().to_string()) {
            return Ok(Cost::default());
        }
        let (images, width) = (part.set().len(), handmade::width(part.set().channels.len()));
        let seconds = self.pace_by_hand(part.set())? * images as f64;
        Ok(Cost { seconds, disk: (4 * images * width) as u64, ..Cost::default() })
    }

    /// Seconds of hand-made features of an image of a set, whichever grey levels are measured.
    fn pace_by_hand(&mut self, set: &ImageSet) -> Result<f64, Error> {
        if let Some(pace) = self.handmade.get(&set.name) {
            return Ok(*pace);
        }
        let few = set.subset(MEASURED_IMAGES);
        let few = few.as_ref().unwrap_or(set);
        let began = Instant::now();
        handmade::of_set(few, Greys::Standardised, &mut Silence, &mut |_| Ok(()))?;
        let pace = began.elapsed().as_secs_f64() / few.len() as f64;
        self.handmade.insert(set.name.clone(), pace);
        Ok(pace)
    }

    /// Seconds of comparing one query with one reference.
    fn search(&mut self, width: usize) -> Result<f64, Error> {
        if let Some(pace) = self.searches.get(&width) {
            return Ok(*pace);
        }
        let (queries, references) = (128, 1024);
        let mut stream = Seed(0).stream("cost");
        let values: Vec<f32> = (0..references * width).map(|_| stream.unit() as f32).collect();
        let of = |rows: usize| FeatureMatrix { width, values: &values[..rows * width] };
        let began = Instant::now();
        nearest::nearest_rows(of(references), of(queries), Metric::Cosine, &self.device)?;
        let pace = began.elapsed().as_secs_f64() / (queries * references) as f64;
        self.searches.insert(width, pace);
        Ok(pace)
    }
}

/// Images of each split that are embedded to see how long it takes.
const MEASURED_IMAGES: usize = 6;
/// Steps of a logistic regression, and products in a second.
const REGRESSION_STEPS: f64 = 150.0;
const PRODUCTS_PER_SECOND: f64 = 1e9;
/// The same in single precision, of large matrices.
const PROBE_PRODUCTS_PER_SECOND: f64 = 2e10;

/// Products while linear probes are trained for all tasks of a set: forwards and for the gradient of weights.
fn probe_products(word: &settings::LinearProbe, set: &ImageSet, width: usize) -> f64 {
    let fits: usize =
        set.tasks.iter().map(|task| task.leave_out.as_ref().map_or(1, |out| out.names.len())).sum();
    let points = evaluate::probe::published(word.batch).len();
    let points = points + usize::from(word.select == Select::HeldOut);
    2.0 * (fits * points * word.iterations * word.batch) as f64 * (set.labels.len() * width) as f64
}
/// Bytes of a prediction on disk, as measured.
const PREDICTION: usize = 40;

/// Models with the same words take the same time, whatever they start from.
fn alike(model: &Model) -> String {
    let model = Model { weights: Weights::Scratch, ..model.clone() };
    serde_json::to_string(&model).expect("a model is plain data")
}
