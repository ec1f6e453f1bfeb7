//! SWAD (Cha et al. 2021): every step is averaged into a segment, the held-out loss is evaluated at regular
//! intervals, and the segments of its valley are averaged (`valley`).

use super::{
    Error, Look, Lost, Stateful, Strategy, Verdict, Weights,
    average::{self, Average},
    valley::{Begun, Segment, Valley},
};
use crate::{params::Params, spec, train::exact};
use std::sync::Arc;

pub(super) struct Swad {
    every: u64,
    segment: Average,
    valley: Valley,
}

impl Swad {
    pub(super) fn new(word: &spec::Swad) -> Self {
        Self { every: word.every.max(1) as u64, segment: Average::default(), valley: Valley::new(word) }
    }
}

impl Strategy for Swad {
    /// The last step is one with an evaluation.
    fn steps(&self, total: u64) -> u64 {
        if total == 0 { 0 } else { (total - 1) / self.every * self.every + 1 }
    }

    fn after_step(&mut self, step: u64, params: &Params, look: Look<'_>) -> Result<Verdict, Error> {
        self.segment.add_params(params)?;
        if !step.is_multiple_of(self.every) {
            return Ok(Verdict::GoOn);
        }
        let weights = Arc::new(std::mem::take(&mut self.segment).into_mean()?);
        self.valley.look(Segment { step, loss: look()?, weights });
        Ok(if self.valley.is_dead() { Verdict::End } else { Verdict::GoOn })
    }

    fn finish(self: Box<Self>, params: &Params) -> Result<(), Error> {
        if let Some(weights) = self.valley.weights() {
            average::put(params, &weights)?;
        }
        Ok(())
    }
}

impl Stateful for Swad {
    fn state(&self) -> candle_core::Result<Vec<(String, Vec<f32>)>> {
        let mut state = average::store("segment", self.segment.mean()?);
        let mut numbers = vec![self.segment.count, u64::from(self.valley.dead)];
        let mut keep = |kind: &str, segment: &Segment, at: usize| {
            state.extend(average::store(&format!("{kind}/{at}"), segment.weights.to_vec()));
        };
        for (kind, queue) in
            [("converging", &self.valley.converging), ("tolerating", &self.valley.tolerating)]
        {
            numbers.push(queue.len() as u64);
            for (at, segment) in queue.iter().enumerate() {
                numbers.extend([segment.step, segment.loss.to_bits()]);
                keep(kind, segment, at);
            }
        }
        numbers.push(u64::from(self.valley.begun.is_some()));
        if let Some(begun) = &self.valley.begun {
            numbers.extend([begun.step, begun.threshold.to_bits(), begun.average.count]);
            state.extend(average::store("valley", begun.average.mean()?));
        }
        state.push(("swad".into(), numbers.into_iter().flat_map(exact::floats).collect()));
        Ok(state)
    }

    fn restore(&mut self, read: &dyn Fn(&str) -> Option<Vec<f32>>) -> Result<(), Lost> {
        let words = read("swad").ok_or_else(|| Lost("swad".into()))?;
        let mut numbers = words.chunks_exact(4).map(exact::word);
        let mut next = || numbers.next().ok_or_else(|| Lost("swad".into()));
        let weights = |name: String| -> Result<Arc<Weights>, Lost> {
            let found = average::restore(&name, read);
            if found.is_empty() { Err(Lost(name)) } else { Ok(Arc::new(found)) }
        };
        self.segment = Average::of(average::restore("segment", read), next()?);
        self.valley.dead = next()? != 0;
        for (kind, queue) in
            [("converging", &mut self.valley.converging), ("tolerating", &mut self.valley.tolerating)]
        {
            queue.clear();
            for at in 0..next()? {
                let (step, loss) = (next()?, f64::from_bits(next()?));
                queue.push_back(Segment { step, loss, weights: weights(format!("{kind}/{at}"))? });
            }
        }
        self.valley.begun = match next()? {
            0 => None,
            _ => {
                let (step, threshold, count) = (next()?, f64::from_bits(next()?), next()?);
                let mean = weights("valley".into())?.to_vec();
                Some(Begun { step, threshold, average: Average::of(mean, count) })
            }
        };
        Ok(())
    }
}
