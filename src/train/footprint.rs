//! The memory and time of rows of a batch on this machine: measured, to estimate the cost of a training.

use super::{Error, Job, Optimiser, Trainer, loader::Batch, pass::Rows};
use crate::{adapter::Images, device, loss::Objective, model::Extractor, params::Params};
use candle_core::Tensor;
use std::time::Instant;

/// Cost of a row of a batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Footprint {
    /// Bytes of its tape.
    pub tape: f64,
    /// Seconds of its forward pass.
    pub forward: f64,
}

impl Job<'_> {
    /// Measures a few rows of noise as images of `set`, which has `channels` channels.
    ///
    /// # Errors
    /// If there is not enough memory for them.
    pub fn footprint(
        &self,
        model: &Extractor,
        params: &Params,
        objective: &mut Objective,
        (set, channels): (usize, usize),
        rows: usize,
    ) -> Result<Footprint, Error> {
        let optimiser = Optimiser::new(&self.stage.optimiser, params)?;
        let trainer = Trainer::new(self, model, params, objective, optimiser);
        let (at, side) = (trainer.clock(0), self.side);
        let mut noise = self.seed.stream("footprint");
        let pixels: Vec<f32> = (0..rows * channels * side * side).map(|_| noise.unit() as f32).collect();
        let pixels = Tensor::from_vec(pixels, (rows, channels, side, side), params.device())?;
        let batch = Batch { set, groups: Vec::new(), classes: vec![0; rows], together: 1, masks: None };
        let (images, masks, channels) = (Images { pixels, set }, None, None);
        let rows = Rows { images, group: 0, rows: 0..rows, of: rows, masks, channels };
        // Once to warm up.
        trainer.features(&at, &rows)?;
        params.device().synchronize()?;
        let began = Instant::now();
        trainer.features(&at, &rows)?;
        params.device().synchronize()?;
        let forward = began.elapsed().as_secs_f64();
        let before = device::in_use(params.device());
        let taped = trainer.forward(&at, &rows, &batch)?;
        let tape = device::in_use(params.device()).saturating_sub(before);
        drop(taped);
        let each = |all: f64| all / rows.rows.len() as f64;
        Ok(Footprint { tape: each(tape as f64), forward: each(forward) })
    }
}
