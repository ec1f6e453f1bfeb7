//! Our side of the GPU benchmark: a model of three sets, each with its own first layer, and its training
//! step.

use crate::setting::{CHANNELS, CLASSES, Setting};
use candle_core::Tensor;
use dichroic::{
    adapter::{Images, SetChannels},
    curve::Clock,
    loss::{Forwarded, Objective},
    model::Extractor,
    params::Params,
    pass::Pass,
    seed::Seed,
    spec::{
        self, Adapter, ConvNext, ConvNextSize, FirstLayer, Loss, Model, Precision, TargetParam, Term, Weights,
    },
    tape::{Gradients, Tape},
    train::Optimiser,
};
use std::time::Instant;

pub struct Ours {
    setting: Setting,
    params: Params,
    model: Extractor,
    objective: Objective,
    optimiser: Optimiser,
    gradients: Gradients,
    parts: Vec<(Images, Vec<usize>)>,
    embedded: Images,
}

impl Ours {
    pub fn new(setting: &Setting, precision: Precision) -> Self {
        let mut params = Params::on(setting.device.clone(), dichroic::format::of(precision), Seed(0));
        let set = |(at, count): (usize, &usize)| SetChannels {
            set: format!("set {at}"),
            channels: (0..*count).map(|channel| format!("{at} {channel}")).collect(),
        };
        let sets: Vec<SetChannels> = CHANNELS.iter().enumerate().map(set).collect();
        let model = Model {
            backbone: ConvNext { size: ConvNextSize::Tiny, drop_path: 0.0 }.into(),
            adapter: Adapter::TargetParam(TargetParam { first_layer: FirstLayer::Random }),
            weights: Weights::Scratch,
        };
        let model = Extractor::new(&model, &sets, &[], &mut params);
        let word = Term { weight: 1.0, loss: Loss::proxy_nca(0.07) };
        let objective = Objective::new(&[word], model.width(), CLASSES, &mut params);
        let word = spec::Optimiser { lr: 1e-6, weight_decay: 5e-5, betas: [0.9, 0.999], eps: 1e-8 };
        let mut stream = Seed(0).stream("bench/images");
        let mut images = |rows: usize, channels: usize, set: usize| {
            let shape = (rows, channels, setting.side, setting.side);
            let count = rows * channels * setting.side * setting.side;
            let pixels: Vec<f32> = (0..count).map(|_| stream.normal() as f32).collect();
            Images { pixels: Tensor::from_vec(pixels, shape, &setting.device).expect("a batch"), set }
        };
        let parts = (0..CHANNELS.len()).map(|set| {
            let rows = setting.batch * (set + 1) / CHANNELS.len() - setting.batch * set / CHANNELS.len();
            (images(rows, CHANNELS[set], set), (0..rows).map(|row| row % CLASSES).collect())
        });
        let parts = parts.collect();
        let embedded = images(setting.batch, CHANNELS[2], 2);
        Self {
            setting: setting.clone(),
            optimiser: Optimiser::new(&word, &params).expect("moments"),
            gradients: Gradients::new(&params),
            params,
            model,
            objective,
            parts,
            embedded,
        }
    }

    /// Images per second over this number of steps; waits for the last one.
    pub fn run(&mut self, work: &str, steps: usize) -> f64 {
        let began = Instant::now();
        let mut last = f32::NAN;
        for step in 0..steps {
            last = match work {
                "train" => self.step(step + 1 == steps).expect("a step"),
                _ => self.embed(step + 1 == steps).expect("features"),
            };
        }
        assert!(last.is_finite(), "the last number is {last}");
        (steps * self.setting.batch) as f64 / began.elapsed().as_secs_f64()
    }

    fn step(&mut self, wait: bool) -> candle_core::Result<f32> {
        let mut loss = None;
        for (images, classes) in &self.parts {
            let mut tape = Tape::recording(&self.params);
            let student = [self.model.run(&mut Pass::new(&mut tape, &self.params), images)?];
            let out = Forwarded::of(&student, classes);
            let value = self.objective.value(&mut tape, &self.params, &out, &Clock::START)?;
            tape.backward(&value.total, &mut self.gradients)?;
            loss = Some(value.total);
        }
        self.optimiser.step(&self.params, &self.gradients, |_| 1e-6)?;
        self.gradients.clear();
        match loss.filter(|_| wait) {
            Some(loss) => loss.scalar(),
            None => Ok(0.0),
        }
    }

    fn embed(&self, wait: bool) -> candle_core::Result<f32> {
        let features = self.model.embed(&self.params, &self.embedded)?;
        if !wait {
            return Ok(0.0);
        }
        features.value().flatten_all()?.get(0)?.to_scalar()
    }
}
