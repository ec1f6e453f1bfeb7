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
    spec::settings,
    tape::{Gradients, Tape},
};
use candle_core::{Result, Tensor};
use std::ops::Range;

/// Copies that pass through the network together; gradients of parts are added in order.
pub const COPIES_TOGETHER: usize = 16;

/// An encoder with the decoder that it was trained with.
#[derive(Clone, Copy)]
pub struct Trained<'a> {
    /// The encoder.
    pub model: &'a Extractor,
    /// The decoder.
    pub decoder: &'a loss::Autoencoder,
    /// The weights of both, which stay as they are.
    pub params: &'a Params,
}

/// The training of a copy of the weights on one image. No optimiser state and no weight outlives it.
pub struct OnOneImage<'a> {
    how: &'a settings::Ttt,
    of: Trained<'a>,
    image: &'a Images,
    seed: Seed,
    name: &'a str,
    params: Params,
    /// What steps change, with its velocity: the encoder.
    trained: Vec<(ParamId, Tensor)>,
    step: usize,
}

impl<'a> OnOneImage<'a> {
    /// Begins. `image` is one image as it is embedded; `name` says which one, so that its draws depend on nothing else.
    ///
    /// # Errors
    /// If there are several images, or too little memory.
    pub fn new(
        how: &'a settings::Ttt,
        of: Trained<'a>,
        image: &'a Images,
        (seed, name): (Seed, &'a str),
    ) -> Result<Self> {
        if image.pixels.dim(0)? != 1 {
            candle_core::bail!("expected one image, found {}", image.pixels.dim(0)?);
        }
        let mut params = of.params.duplicate()?;
        let decoder: Vec<ParamId> =
            params.ids().filter(|id| loss::Autoencoder::is_decoder(&params.published(*id).name)).collect();
        decoder.into_iter().for_each(|id| params.freeze(id));
        let trained = params.ids().filter(|id| params.is_trained(*id));
        let trained =
            trained.map(|id| Ok((id, params.value(id).zeros_like()?))).collect::<Result<Vec<_>>>()?;
        Ok(Self { how, of, image, seed, name, params, trained, step: 0 })
    }

    /// The weights after the steps so far.
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// Takes a step.
    ///
    /// # Errors
    /// If there is too little memory.
    pub fn step(&mut self) -> Result<()> {
        let mut gradients = Gradients::new(&self.params);
        let mut first = 0;
        while first < self.how.copies {
            let copies = first..(first + COPIES_TOGETHER).min(self.how.copies);
            first = copies.end;
            self.part(copies, &mut gradients)?;
        }
        for (id, velocity) in &self.trained {
            if let Some(gradient) = gradients.of(*id) {
                let weights = self.params.value(*id);
                sgd::update(weights, gradient.tensor(), velocity, self.how.lr, self.how.momentum)?;
            }
        }
        self.step += 1;
        Ok(())
    }

    /// Adds the gradients of some copies, as their share of all.
    fn part(&self, copies: Range<usize>, gradients: &mut Gradients) -> Result<()> {
        let Self { how, of, image, seed, params, .. } = self;
        let name = format!("{}/step/{}", self.name, self.step);
        let stream = |copy: usize| seed.stream(&format!("test-time training/{name}/copy/{copy}"));
        let one = |copy: usize| {
            let mut flips = seed.stream(&format!("test-time training/{name}/flips/{copy}"));
            let mut pixels = image.pixels.clone();
            for axis in [2, 3] {
                if how.flips && flips.chance(0.5) {
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
        let share = copies.len() as f32 / how.copies as f32;
        let error = tape.weighted_sum(&[(share, error)])?;
        tape.backward(&error, gradients)
    }
}
