//! The step after which a judge that reads no labels likes the weights best: of the start and [`LOOKS`] steps at equal
//! distances.

use super::{
    Error, Look, Lost, Stateful, Strategy, Verdict, Weights,
    average::{put, restore, store, weights},
};
use crate::{params::Params, train::exact};

/// How often the judge is asked besides at the start.
const LOOKS: u64 = 10;

pub(super) struct LabelFree {
    /// Steps of the training.
    total: u64,
    /// What was liked best so far; none before the start.
    best: Option<Best>,
}

struct Best {
    distance: f64,
    weights: Weights,
}

impl LabelFree {
    pub(super) fn new(total: u64) -> Self {
        Self { total, best: None }
    }

    fn judge(&mut self, params: &Params, look: Look<'_>) -> Result<(), Error> {
        let distance = look()?;
        if self.best.as_ref().is_none_or(|best| distance < best.distance) {
            self.best = Some(Best { distance, weights: weights(params)? });
        }
        Ok(())
    }
}

impl Strategy for LabelFree {
    fn begin(&mut self, params: &Params, look: Look<'_>) -> Result<(), Error> {
        self.judge(params, look)
    }

    fn after_step(&mut self, step: u64, params: &Params, look: Look<'_>) -> Result<Verdict, Error> {
        let looks = |steps: u64| LOOKS * steps / self.total.max(1);
        if looks(step + 1) > looks(step) {
            self.judge(params, look)?;
        }
        Ok(Verdict::GoOn)
    }

    fn finish(self: Box<Self>, params: &Params) -> Result<(), Error> {
        if let Some(best) = self.best {
            put(params, &best.weights)?;
        }
        Ok(())
    }
}

impl Stateful for LabelFree {
    fn state(&self) -> candle_core::Result<Vec<(String, Vec<f32>)>> {
        let Some(Best { distance, weights }) = &self.best else { return Ok(Vec::new()) };
        let mut state = store("best", weights.clone());
        state.push(("distance".into(), exact::floats(distance.to_bits()).to_vec()));
        Ok(state)
    }

    fn restore(&mut self, read: &dyn Fn(&str) -> Option<Vec<f32>>) -> Result<(), Lost> {
        let distance = read("distance").ok_or_else(|| Lost("distance".into()))?;
        let distance = f64::from_bits(exact::word(&distance));
        self.best = Some(Best { distance, weights: restore("best", read) });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ops::buffer, params::Published, seed::Seed};

    /// Trains one number, which is the number of steps, with a judge of these opinions; what is left.
    fn left_after(steps: u64, opinions: &[f64], stop: Option<u64>) -> (f32, usize) {
        let mut params = Params::new(Seed(0));
        let id = params.add_constant(Published::new("steps", &[1]), 0.0);
        let mut asked = 0;
        let mut strategy = Box::new(LabelFree::new(steps));
        let mut ask = || {
            asked += 1;
            Ok(opinions[asked - 1])
        };
        strategy.begin(&params, &mut ask).unwrap();
        for step in 0..steps {
            buffer::set(params.value(id), &[step as f32 + 1.0]).unwrap();
            strategy.after_step(step, &params, &mut ask).unwrap();
            if stop == Some(step) {
                let state = strategy.state().unwrap();
                let read = |name: &str| Some(state.iter().find(|(of, _)| of == name)?.1.clone());
                strategy = Box::new(LabelFree::new(steps));
                strategy.restore(&read).unwrap();
            }
        }
        strategy.finish(&params).unwrap();
        (buffer::copy(params.value(id)).unwrap()[0], asked)
    }

    #[test]
    fn the_weights_that_the_judge_likes_best_are_left() {
        let opinions = [0.5, 0.4, 0.3, 0.2, 0.25, 0.2, 0.6, 0.7, 0.8, 0.9, 1.0];
        for stop in [None, Some(0), Some(14), Some(60)] {
            // The third of ten looks, after 30 % of 97 steps: the earlier of two that are equal.
            assert_eq!(left_after(97, &opinions, stop), (30.0, 11));
        }
        let mut worse = opinions;
        worse[0] = 0.1;
        assert_eq!(left_after(97, &worse, Some(40)), (0.0, 11), "nothing was better than the start");
        assert_eq!(left_after(3, &opinions, None), (3.0, 4), "fewer steps than looks");
        assert_eq!(left_after(0, &opinions, None), (0.0, 1));
    }
}
