//! How momentum and temperature of a teacher change, and what a stage's own curves are beside one.

use crate::{
    curve::{Clock, Curve},
    spec::{Momentum, Ramp, Span, settings},
};

/// The curves of a training with a teacher.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    momentum: Curve,
    /// Steps are counted from 1.
    from_one: bool,
    /// The teacher's temperature.
    pub(crate) temperature: Curve,
}

/// Share of a training in which nothing is expected of the teacher yet.
const WARMUP: Span = Span::Share(0.1);

impl Schedule {
    /// As the first version declares it: the temperature is set epoch by epoch.
    pub(crate) fn v1(word: &settings::DinoV1) -> Self {
        let [from, to] = word.teacher_temperature;
        Self::of(word.momentum, word.ema, Curve::Stairs { from, to, over: word.temperature_over })
    }

    /// As the second version declares it: the temperature is set step by step.
    pub(crate) fn v2(word: &settings::Dino) -> Self {
        let [from, to] = word.teacher_temperature;
        let temperature = match word.temperature_over {
            Span::Epochs(epochs) => {
                let warmup = epochs.round() as usize;
                Curve::Ramped { ramp: Ramp::Inclusive, start: from, peak: to, end: to, warmup }
            }
            over @ Span::Share(_) => Curve::Stairs { from, to, over },
        };
        Self::of(word.momentum, word.ema, temperature)
    }

    fn of(momentum: Momentum, ema: f64, temperature: Curve) -> Self {
        let cosine = Curve::Cosine { start: 0.0, peak: ema, end: 1.0, warmup: 0 };
        let (momentum, from_one) = match momentum {
            Momentum::Constant => (Curve::Constant(ema), false),
            Momentum::Cosine => (cosine, true),
            Momentum::CosineFromStart => (cosine, false),
        };
        Self { momentum, from_one, temperature }
    }

    /// The share of its weights that the teacher keeps after a step.
    pub(crate) fn momentum_at(&self, at: &Clock) -> f64 {
        // CODA's list of momenta ends one step early, and its last one is used twice.
        let step = (at.step + u64::from(self.from_one)).min(at.total.saturating_sub(1));
        self.momentum.at(&Clock { step, ..*at })
    }

    /// The first step in which the teacher is expected to tell images apart.
    pub(crate) fn warmup(&self, at: &Clock) -> u64 {
        WARMUP.steps(at.steps_per_epoch, at.total)
    }
}
