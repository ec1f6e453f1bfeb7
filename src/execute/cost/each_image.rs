//! What test-time training costs: a step on a few copies of an image is timed; an image takes as many as it has steps and
//! copies.

use super::{Cost, Meter, alike};
use crate::{
    adapter::{Images, SetChannels},
    data::ImageSet,
    device,
    event::Listen,
    execute::Error,
    loss::Autoencoder,
    model::Extractor,
    ops::format::Format,
    params::Params,
    plan::Fit,
    seed::Seed,
    spec::{Selection, settings},
    train::{COPIES_TOGETHER, OnOneImage, Trained},
};
use candle_core::{DType, Tensor};
use std::time::Instant;

/// How fast a step goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct StepPace {
    seconds_per_copy: f64,
    memory: f64,
}

impl Meter<'_> {
    /// Of all images of `data`, by the model of this training. What embeds them is not counted.
    pub(super) fn each_image(
        &mut self,
        (how, fit): (&settings::Ttt, &Fit),
        (data, subset): (&Selection, Option<usize>),
        listen: &mut dyn Listen,
    ) -> Result<Cost, Error> {
        let mut all = Cost::default();
        for part in self.sets.open(data, subset, listen)? {
            let pace = self.step_on_image((how, fit), part.set())?;
            let images = part.set().rows_of(&data.only).len();
            let seconds = pace.seconds_per_copy * (how.steps * how.copies * images) as f64;
            all = all.then(Cost { seconds, memory: pace.memory as u64, disk: 0 });
        }
        Ok(all)
    }

    /// Takes two steps on copies of a black image, and times the second.
    fn step_on_image(
        &mut self,
        (how, fit): (&settings::Ttt, &Fit),
        set: &ImageSet,
    ) -> Result<StepPace, Error> {
        let copies = how.copies.min(COPIES_TOGETHER);
        let key = format!("{} {:?} {} {copies} {}", alike(&fit.model), fit.decoder(), fit.image, set.name);
        if let Some(pace) = self.steps_on_images.get(&key) {
            return Ok(*pace);
        }
        let own = SetChannels { set: set.name.clone(), channels: set.channels.clone() };
        let mut params = Params::on(self.device.clone(), Format::F32, Seed(0));
        let encoder = Extractor::new(&fit.model, &[own], &[], &mut params);
        let drawn = encoder.read().drawn.expect("the check refuses models that draw no patches");
        let decoder = Autoencoder::new(fit.decoder(), drawn, &mut params);
        let shape = (1, set.channels.len(), fit.image, fit.image);
        let image = Images { pixels: Tensor::zeros(shape, DType::F32, &self.device)?, set: 0 };
        let few = settings::Ttt { copies, ..how.clone() };
        let of = Trained { model: &encoder, decoder: &decoder, params: &params };
        let memory = device::Peak::begin(&self.device);
        let mut training = OnOneImage::new(&few, of, &image, (Seed(0), "cost"))?;
        training.step()?;
        self.device.synchronize()?;
        let began = Instant::now();
        training.step()?;
        self.device.synchronize()?;
        let pace = StepPace {
            seconds_per_copy: began.elapsed().as_secs_f64() / copies as f64,
            memory: memory.bytes() as f64 + 4.0 * params.count() as f64,
        };
        self.steps_on_images.insert(key, pace);
        Ok(pace)
    }
}
