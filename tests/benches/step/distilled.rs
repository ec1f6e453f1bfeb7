//! Steps of self-distillation as a run takes them: a declared experiment in the training loop itself, with its loader, its
//! crops and its curves.

use super::{CHANNELS, LR, Work, three_channels};
use dichroic::{
    adapter::SetChannels,
    data::{self, Norm, Statistics, Tape},
    event::{Event, Listen},
    loss::Objective,
    model::Extractor,
    params::Params,
    prelude::*,
    seed::Seed,
    spec::Spec,
    train::{Item, Job, Source},
};
use std::{path::PathBuf, time::Duration};

/// Side of a stored image.
const STORED: usize = 256;

/// Which self-distillation.
#[derive(Clone, Copy, PartialEq)]
pub enum Version {
    /// CODA's step 1: views of 224 and 96 px, a head of 4096 prototypes, gradients clipped.
    First,
    /// DINO BoC: single channels, 2 views of 224 px and 8 of 96, all three terms, a head of 65,536 prototypes.
    Second,
}

impl Version {
    fn declared(self, batch: usize) -> Spec {
        let noise = || Folder("noise");
        match self {
            Self::First => {
                let model = Vit::small().scratch().adapter(Planes(CHANNELS)).train_on(noise());
                let run = model.loss(DinoV1::ema(0.996)).drop_path(0.0).batch(batch).lr(LR).lr_min(LR);
                run.evaluate(OneNn::cosine().on(noise())).recipe(Recipe::Paper).specs().remove(0).spec
            }
            Self::Second => {
                let model = Vit::small().layer_scale(1e-5).scratch().adapter(BagOfChannels).train_on(noise());
                let run = model.loss(Dino::v2() + Ibot + 0.1 * KoLeo).drop_path(0.0).batch(batch);
                let run = run.warmup(0).warmup_lr(LR).lr(LR).lr_min(LR);
                run.evaluate(OneNn::cosine().on(noise())).recipe(Recipe::Paper).specs().remove(0).spec
            }
        }
    }

    fn channels(self) -> SetChannels {
        match self {
            Self::First => three_channels(),
            Self::Second => SetChannels { set: "noise".into(), channels: vec!["a".into()] },
        }
    }
}

pub struct Distilled {
    params: Params,
    model: Extractor,
    objective: Objective,
    spec: Spec,
    pictures: Pictures,
    /// No checkpoint is written.
    nowhere: PathBuf,
}

impl Distilled {
    pub fn new(version: Version, batch: usize) -> Self {
        let (spec, pictures) = (version.declared(batch), Pictures::new(version.channels(), batch));
        let mut params = Params::new(Seed(0));
        let model = Extractor::new(&spec.model, &pictures.sets, &[], &mut params);
        let objective = Objective::new(&spec.train.stages[0].objective, model.read(), 1, &mut params);
        let nowhere = std::env::temp_dir().join(format!("dichroic-bench-{}", std::process::id()));
        Self { params, model, objective, spec, pictures, nowhere }
    }
}

impl Work for Distilled {
    fn steps(&mut self, count: usize, after_each: &mut (dyn FnMut() + Send)) {
        let stage = &mut self.spec.train.stages[0];
        // An epoch is a step. The first makes the optimiser and waits for the loader: it is not counted.
        stage.epochs = count + 1;
        let mut job = Job::new(stage, self.spec.train.image, Seed(0), &self.pictures, &self.nowhere);
        job.checkpoint_every = Duration::MAX;
        job.run(&self.model, &mut self.params, &mut self.objective, &mut Each(after_each)).expect("steps");
    }
}

/// Hears that a step is done.
struct Each<'a>(&'a mut (dyn FnMut() + Send));

impl Listen for Each<'_> {
    fn receive(&mut self, event: &Event<'_>) {
        if let Event::Advanced { .. } = event {
            (self.0)();
        }
    }
}

/// Images of noise, in memory.
struct Pictures {
    sets: [SetChannels; 1],
    items: Vec<Item>,
    norm: Norm,
    pixels: Vec<Vec<u8>>,
}

impl Pictures {
    fn new(set: SetChannels, count: usize) -> Self {
        let mut stream = Seed(0).stream("bench/pictures");
        let channels = set.channels.len();
        let mut picture = || (0..channels * STORED * STORED).map(|_| stream.below(256) as u8).collect();
        Self {
            sets: [set],
            items: (0..count).map(|row| Item { set: 0, class: 0, row: row as u32 }).collect(),
            norm: Statistics { mean: vec![0.5; channels], sd: vec![0.3; channels] }.into(),
            pixels: (0..count).map(|_| picture()).collect(),
        }
    }
}

impl Source for Pictures {
    fn sets(&self) -> &[SetChannels] {
        &self.sets
    }

    fn classes(&self) -> &[String] {
        &[]
    }

    fn items(&self) -> &[Item] {
        &self.items
    }

    fn norm(&self, _: usize) -> &Norm {
        &self.norm
    }

    fn read(&self, item: Item) -> Result<Tape, data::Error> {
        let pixels = self.pixels[item.row as usize].clone().into();
        let channels = self.sets[0].channels.len();
        Ok(Tape { height: STORED, width: STORED, channels, pixels })
    }
}
