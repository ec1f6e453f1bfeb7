//! A step of a network that learns labels: ProxyNCA over a fixed batch, AdamW.

use super::{CLASSES, LR, TEMPERATURE, Work, candle_peer::Candle};
use candle_core::{Device, Tensor};
use candle_nn::ParamsAdamW;
use candle_transformers::models::convnext;
use dichroic::{
    adapter::Images,
    curve::Clock,
    loss::{Forwarded, Objective},
    model::Extractor,
    params::Params,
    pass::Pass,
    seed::Seed,
    spec::{self, Loss, Term},
    tape::{Gradients, Node, Tape},
    train::Optimiser,
};

const WEIGHT_DECAY: f64 = 5e-5;
/// Tolerance of the two losses of the first step: sums of 32-bit floats in another order.
const SAME_LOSS: f64 = 1e-3;

pub struct Labelled {
    params: Params,
    model: Extractor,
    objective: Objective,
    optimiser: Optimiser,
    gradients: Gradients,
    images: Images,
    classes: Vec<usize>,
}

impl Labelled {
    pub fn new(network: impl FnOnce(&mut Params) -> Extractor, side: usize, batch: usize) -> Self {
        let mut params = Params::new(Seed(0));
        let model = network(&mut params);
        let word = Term { weight: 1.0, loss: Loss::proxy_nca(TEMPERATURE) };
        let objective = Objective::new(&[word], model.width(), CLASSES, &mut params);
        let word = spec::Optimiser { lr: LR, weight_decay: WEIGHT_DECAY, betas: [0.9, 0.999], eps: 1e-8 };
        let mut stream = Seed(0).stream("bench/images");
        let pixels: Vec<f32> = (0..batch * 3 * side * side).map(|_| stream.normal() as f32).collect();
        let pixels = Tensor::from_vec(pixels, (batch, 3, side, side), &Device::Cpu).expect("a batch");
        Self {
            optimiser: Optimiser::new(&word, &params).expect("moments"),
            gradients: Gradients::new(&params),
            images: Images { pixels, set: 0 },
            classes: (0..batch).map(|i| i % CLASSES).collect(),
            params,
            model,
            objective,
        }
    }

    /// The same ConvNeXt, proxies and batch in candle, which has the same loss.
    pub fn at_candle(&self) -> candle_core::Result<Candle> {
        let parameter = |id| {
            let published = self.params.published(id);
            let values = self.params.export(id)?;
            let tensor = Tensor::from_vec(values, published.shape.as_slice(), &Device::Cpu)?;
            Ok((published.name.clone(), tensor))
        };
        let parameters = self.params.ids().map(parameter).collect::<candle_core::Result<_>>()?;
        let optimiser = ParamsAdamW { lr: LR, weight_decay: WEIGHT_DECAY, ..Default::default() };
        let (images, config) = (&self.images.pixels, convnext::Config::tiny());
        let candle = Candle::new(&config, parameters, images, &self.classes, (TEMPERATURE, optimiser))?;
        // Both sides do the same work only if they have the same result.
        let tape = &mut Tape::recording(&self.params);
        let ours = f64::from(self.loss(tape)?.value().flatten_all()?.to_vec1::<f32>()?[0]);
        let theirs = f64::from(candle.loss()?.to_scalar::<f32>()?);
        assert!((ours - theirs).abs() <= SAME_LOSS * ours.abs(), "losses: ours {ours}, candle's {theirs}");
        Ok(candle)
    }

    fn loss(&self, tape: &mut Tape) -> candle_core::Result<Node> {
        let student = [self.model.run(&mut Pass::new(tape, &self.params), &self.images)?];
        let out = Forwarded::of(&student, &self.classes);
        Ok(self.objective.value(tape, &self.params, &out, &Clock::START)?.total)
    }

    fn step(&mut self) -> candle_core::Result<()> {
        let mut tape = Tape::recording(&self.params);
        let loss = self.loss(&mut tape)?;
        tape.backward(&loss, &mut self.gradients)?;
        self.optimiser.step(&self.params, &self.gradients, |_| LR)?;
        self.gradients.clear();
        Ok(())
    }
}

impl Work for Labelled {
    fn steps(&mut self, count: usize, after_each: &mut (dyn FnMut() + Send)) {
        one_by_one(count, after_each, || self.step());
    }
}

impl Work for Candle {
    fn steps(&mut self, count: usize, after_each: &mut (dyn FnMut() + Send)) {
        one_by_one(count, after_each, || self.step());
    }
}

fn one_by_one(
    count: usize,
    after_each: &mut (dyn FnMut() + Send),
    mut step: impl FnMut() -> candle_core::Result<()>,
) {
    after_each();
    for _ in 0..count {
        step().expect("a step");
        after_each();
    }
}
