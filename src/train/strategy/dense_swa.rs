//! Averaging of every step from a fixed epoch on: what CHAMMI calls SWAD (specification, section 6.1).

use super::{
    Clock, Curve, Error, Look, Lost, Stateful, Strategy, Verdict,
    average::{self, Average},
};
use crate::{
    params::Params,
    spec::{self, SwaKeep, SwaRate},
    train::exact,
};
use std::f64::consts::PI;

/// Steps in which PyTorch's `SWALR` anneals the rate.
const ANNEAL: f64 = 10.0;

pub(super) struct DenseSwa {
    rate: SwaRate,
    keep: SwaKeep,
    epochs: Epochs,
    average: Average,
    /// Tensors in an average.
    tensors: usize,
}

/// When averaging begins.
pub(super) struct Epochs {
    /// Steps of an epoch.
    pub(super) steps: u64,
    /// Epochs that are not averaged.
    pub(super) before: usize,
}

impl Epochs {
    /// How many averaged steps came before this one; `None`: it is not averaged.
    fn averaged(&self, step: u64) -> Option<u64> {
        step.checked_sub(self.before as u64 * self.steps)
    }
}

impl DenseSwa {
    pub(super) fn new(word: &spec::DenseSwa, epochs: Epochs, params: &Params) -> Self {
        let tensors = params.ids().filter(|id| params.is_trained(*id)).count();
        Self { rate: word.rate, keep: word.keep, epochs, average: Average::default(), tensors }
    }
}

impl Strategy for DenseSwa {
    fn rate(&self, at: &Clock, curve: &Curve) -> f64 {
        match (self.rate, self.epochs.averaged(at.step)) {
            (SwaRate::Annealed { lr }, Some(calls)) => {
                let from = curve.at(&at.end_of_epoch(self.epochs.before.max(1)));
                let share = 0.5 * (1.0 - libm::cos(PI * (calls as f64 / ANNEAL).min(1.0)));
                lr * share + from * (1.0 - share)
            }
            _ => curve.at(at),
        }
    }

    fn after_step(&mut self, step: u64, params: &Params, _: Look<'_>) -> Result<Verdict, Error> {
        if self.epochs.averaged(step).is_some() {
            self.average.add_params(params)?;
        }
        Ok(Verdict::GoOn)
    }

    fn finish(self: Box<Self>, params: &Params) -> Result<(), Error> {
        if self.keep == SwaKeep::Average && self.average.count > 0 {
            average::put(params, &self.average.into_mean()?)?;
        }
        Ok(())
    }
}

impl Stateful for DenseSwa {
    fn state(&self) -> candle_core::Result<Vec<(String, Vec<f32>)>> {
        let mut state = average::store("average", self.average.mean()?);
        state.push(("averaged".into(), exact::floats(self.average.count).to_vec()));
        Ok(state)
    }

    fn restore(&mut self, read: &dyn Fn(&str) -> Option<Vec<f32>>) -> Result<(), Lost> {
        let count = exact::word(&read("averaged").ok_or_else(|| Lost("averaged".into()))?);
        let mean = average::restore("average", read);
        if count > 0 && mean.len() != self.tensors {
            return Err(Lost(format!("average of {} tensors", self.tensors)));
        }
        self.average = Average::of(mean, count);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    /// From 3e-5: the ten rates of specification 6.1 (listed in coda.md, section 7.4).
    #[test]
    fn released_rates_go_where_swalr_takes_them() {
        let word =
            spec::DenseSwa { start_epoch: 5, rate: SwaRate::Annealed { lr: 0.05 }, keep: SwaKeep::Last };
        let swa = DenseSwa::new(&word, Epochs { steps: 20, before: 5 }, &Params::new(Seed(0)));
        // 3e-5 for five epochs, then next to nothing.
        let schedule = spec::Schedule { warmup: 6, warmup_lr: 3e-5, lr_min: 1e-9 };
        let curve = Curve::EpochCosine { peak: 3e-5, schedule, epochs: 6 };
        let rate = |step| swa.rate(&Clock { step, steps_per_epoch: 20, total: 200 }, &curve);
        assert_eq!(rate(99), 3e-5);
        assert!((rate(100) - 3e-5).abs() < 1e-12);
        let printed = [0.00125, 0.0048, 0.0103, 0.0173, 0.0250, 0.0327, 0.0397, 0.0452, 0.0488, 0.05];
        for (calls, printed) in (1..).zip(printed) {
            assert!((rate(100 + calls) / printed - 1.0).abs() < 0.01, "{calls}: {}", rate(100 + calls));
        }
        assert_eq!(rate(150), 0.05);
    }
}
