//! Test-time training (Gandelsman et al. 2022): before an image is embedded, the encoder of a masked autoencoder is trained
//! for a few steps to help draw the hidden patches of that image alone; for the next image it is as before.

use crate::{
    adapter::Images,
    loss,
    model::Extractor,
    ops::sgd,
    params::{ParamId, Params},
    pass::Pass,
    seed::Seed,
    tape::{Gradients, Tape},
};
use candle_core::{Result, Tensor};
use std::ops::Range;

/// How a model is trained on an image. No optimiser state and no weight outlives the image; there is no weight decay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OnOneImage {
    /// Steps; 0: the model stays as it is.
    pub steps: usize,
    /// Copies of the image in a step, each with other hidden patches.
    pub masks: usize,
    /// The learning rate.
    pub lr: f64,
    /// Share of the velocity that is kept in a step.
    pub momentum: f64,
    /// Whether each copy is flipped at random, along both axes.
    pub flips: bool,
}

impl Default for OnOneImage {
    /// The authors': 20 steps on 128 copies, a rate of 1e-2 for 256 images in a step.
    fn default() -> Self {
        Self { steps: 20, masks: 128, lr: 5e-3, momentum: 0.9, flips: false }
    }
}

/// Copies that pass through the network together; gradients of parts are added in order.
const TOGETHER: usize = 16;

/// An encoder with the decoder that it was trained with.
pub struct Trained<'a> {
    /// The encoder.
    pub model: &'a Extractor,
    /// The decoder.
    pub decoder: &'a loss::Autoencoder,
    /// The weights of both, which stay as they are.
    pub params: &'a Params,
}

impl OnOneImage {
    /// All tokens (1, T, width) of the whole image, by the encoder after training on it. `image` is one image as it is embedded;
    /// `name` says which one, so that its draws depend on nothing else.
    ///
    /// # Errors
    /// If there are several images, or too little memory.
    pub fn tokens(&self, of: &Trained<'_>, image: &Images, seed: Seed, name: &str) -> Result<Tensor> {
        let adapted = self.train(of, image, seed, name)?;
        let mut tape = Tape::forgetting_in(adapted.format());
        let tokens = of.model.tokens(&mut Pass::new(&mut tape, &adapted), image)?;
        Ok(tokens.value().clone())
    }

    /// The weights after training on the image.
    ///
    /// # Errors
    /// If there are several images, or too little memory.
    pub fn train(&self, of: &Trained<'_>, image: &Images, seed: Seed, name: &str) -> Result<Params> {
        if image.pixels.dim(0)? != 1 {
            candle_core::bail!("expected one image, found {}", image.pixels.dim(0)?);
        }
        let mut params = of.params.duplicate()?;
        let decoder: Vec<ParamId> =
            params.ids().filter(|id| loss::Autoencoder::is_decoder(&params.published(*id).name)).collect();
        decoder.into_iter().for_each(|id| params.freeze(id));
        let trained: Vec<ParamId> = params.ids().filter(|id| params.is_trained(*id)).collect();
        let velocities: Vec<Tensor> =
            trained.iter().map(|id| params.value(*id).zeros_like()).collect::<Result<_>>()?;
        for step in 0..self.steps {
            let mut gradients = Gradients::new(&params);
            let mut first = 0;
            while first < self.masks {
                let copies = first..(first + TOGETHER).min(self.masks);
                first = copies.end;
                self.part(
                    of,
                    &params,
                    image,
                    (seed, &format!("{name}/step/{step}")),
                    copies,
                    &mut gradients,
                )?;
            }
            for (id, velocity) in trained.iter().zip(&velocities) {
                if let Some(gradient) = gradients.of(*id) {
                    sgd::update(params.value(*id), gradient.tensor(), velocity, self.lr, self.momentum)?;
                }
            }
        }
        Ok(params)
    }

    /// Adds the gradients of some copies, as their share of all.
    fn part(
        &self,
        of: &Trained<'_>,
        params: &Params,
        image: &Images,
        (seed, name): (Seed, &str),
        copies: Range<usize>,
        gradients: &mut Gradients,
    ) -> Result<()> {
        let stream = |copy: usize| seed.stream(&format!("test-time training/{name}/copy/{copy}"));
        let one = |copy: usize| {
            let mut flips = seed.stream(&format!("test-time training/{name}/flips/{copy}"));
            let mut pixels = image.pixels.clone();
            for axis in [2, 3] {
                if self.flips && flips.chance(0.5) {
                    pixels = pixels.flip(&[axis])?;
                }
            }
            Ok(pixels)
        };
        let pixels = copies.clone().map(one).collect::<Result<Vec<_>>>()?;
        let images = Images { pixels: Tensor::cat(&pixels, 0)?.contiguous()?, set: image.set };
        let hidden = of.decoder.hide(of.model.seen(&images)?, |copy| stream(copies.start + copy))?;
        let mut tape = Tape::recording(params);
        let outputs =
            of.model.run(&mut Pass::new(&mut tape, params).seeing(Some(&hidden.visible)), &images)?;
        let Some(tokens) = outputs.tokens else { candle_core::bail!("this backbone hides no patches") };
        let error = of.decoder.error(&mut tape, params, &tokens, &hidden)?;
        let share = copies.len() as f32 / self.masks as f32;
        let error = tape.weighted_sum(&[(share, error)])?;
        tape.backward(&error, gradients)
    }
}
